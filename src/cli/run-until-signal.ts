/** Ctrl-C and its siblings, as a promise. */

export interface StopSignal {
  /** Resolves at the first signal. */
  readonly arrived: Promise<void>;
  /** From here on signals do again what they do by default. */
  release(): void;
}

/**
 * From now on the first signal is held as a wish to stop; a second SIGINT ends the process at once. SIGHUP is one of them only where
 * it has no other meaning.
 */
export function catchStopSignal(
  signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"],
): StopSignal {
  let onSignal = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    onSignal = resolve;
  });
  const listener = (): void => {
    onSignal();
    process.once("SIGINT", () => process.exit(130));
  };
  for (const signal of signals) process.once(signal, listener);
  return {
    arrived,
    release() {
      for (const signal of signals) process.removeListener(signal, listener);
    },
  };
}

export const stopSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** From now on SIGHUP calls what `listen` was given last; before that it does nothing. */
export function catchHangup(): { listen(onHangup: () => void): void; release(): void } {
  let onHangup = (): void => {};
  const listener = (): void => onHangup();
  process.on("SIGHUP", listener);
  return {
    listen(next) {
      onHangup = next;
    },
    release() {
      process.removeListener("SIGHUP", listener);
    },
  };
}
