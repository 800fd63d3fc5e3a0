/** Files that a configuration names. */

/** `target` against the folder of `file`, as POSIX paths, without looking at the disk. */
export function resolveBeside(file: string, target: string): string {
  const path = target.startsWith("file://") ? decodeURIComponent(new URL(target).pathname) : target;
  const folder = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "";
  const joined = path.startsWith("/") ? path : folder + path;
  const steps: string[] = [];
  for (const step of joined.split("/")) {
    if (step === "." || step === "") continue;
    if (step === ".." && steps.length > 0 && steps.at(-1) !== "..") steps.pop();
    else if (step !== ".." || !joined.startsWith("/")) steps.push(step);
  }
  return (joined.startsWith("/") ? "/" : "") + steps.join("/");
}
