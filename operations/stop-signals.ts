/** From then on a second Ctrl-C is one: npm hands the first on, so that it may come twice. Milliseconds. */
const secondAfterMs = 1_000;

/**
 * Has Ctrl-C and `kill` end what runs when it next looks at the signal, and after a second one at once.
 * @param announce called at the first
 */
export function stopOnSignals(announce: () => void): AbortSignal {
  const stopping = new AbortController();
  let firstAt = 0;
  const stop = () => {
    if (stopping.signal.aborted) {
      if (performance.now() - firstAt > secondAfterMs) process.exit(interrupted);
      return;
    }
    firstAt = performance.now();
    stopping.abort();
    announce();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  return stopping.signal;
}

/** The exit code of a command that was stopped, as shells have it for Ctrl-C. */
export const interrupted = 130;
