/** Children of `dev` end when it does, also when it is killed: its end of the IPC channel closes. */

/** `dev` being gone must be noticed and acted on within a second. */
const stopMsMax = 800;

/**
 * Calls `stop` once when the parent is gone, and ends the process when it is done or after 800 ms.
 * Only for a process that `dev` started (`--dev`); elsewhere there is no channel and nothing happens.
 */
export function endWithParent(stop: () => Promise<void>): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => {
    setTimeout(() => process.exit(1), stopMsMax).unref();
    void stop().finally(() => process.exit(1));
  });
  // The channel alone keeps nothing running: a process that has stopped ends.
  process.channel.unref();
}
