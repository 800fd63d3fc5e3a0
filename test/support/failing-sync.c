/* Loaded before the C library: syncs of a journal's log fail with EIO, as often as the file named by TALLYGATE_FAIL_SYNCS says. It
 * holds one digit per failure to come, of which each failure takes one; what was written before stays written. Each sync, failed or
 * not, takes TALLYGATE_SYNC_MS longer, and waits while the file named by TALLYGATE_HOLD_SYNCS is there. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_log(int fd) {
  static const char suffix[] = "/journal.db-wal";
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  size_t end = sizeof suffix - 1;
  return length >= (ssize_t)end && memcmp(path + length - end, suffix, end) == 0;
}

static int must_fail(int fd) {
  const char *file = getenv("TALLYGATE_FAIL_SYNCS");
  const char *milliseconds = getenv("TALLYGATE_SYNC_MS");
  if (file == NULL || !is_log(fd)) return 0;
  const char *hold = getenv("TALLYGATE_HOLD_SYNCS");
  if (milliseconds != NULL) usleep(1000 * atoi(milliseconds));
  while (hold != NULL && access(hold, F_OK) == 0) usleep(10000);
  int control = open(file, O_RDWR | O_CLOEXEC);
  if (control < 0) return 0;
  int fails = 0;
  struct stat left;
  if (flock(control, LOCK_EX) == 0 && fstat(control, &left) == 0 && left.st_size > 0) {
    fails = ftruncate(control, left.st_size - 1) == 0;
  }
  close(control);
  return fails;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (!must_fail(fd)) return real(fd);
  errno = EIO;
  return -1;
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  if (!must_fail(fd)) return real(fd);
  errno = EIO;
  return -1;
}
