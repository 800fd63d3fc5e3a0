/** Ctrl-C and its siblings, as a promise. */

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopSignal {
  /** Resolves at the first signal. */
  readonly arrived: Promise<void>;
  /** From here on signals do again what they do by default. */
  release(): void;
}

/** From now on the first signal is held as a wish to stop; a second SIGINT ends the process at once. */
export function catchStopSignal(): StopSignal {
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
