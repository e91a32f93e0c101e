import { SluiceError } from "../domain/errors.ts";

export interface TimeLimits {
  /** From the call to the provider's first event. */
  firstTokenMs: number;
  /** Between two reads from the provider. */
  gapMs: number;
  /** From the call to the end of a streamed answer. */
  deadlineMs: number;
}

/** Platforms end a request whose answer has not begun after 150 s: an answer that comes in one piece has to be ready before. */
export const wholeResponseMs = 140_000;

/** Watches one provider call. */
export interface Watch {
  /** Aborts when a time limit passes or `end` is called; its reason is the SluiceError to report. */
  signal: AbortSignal;
  /** Something arrived. */
  touch(): void;
  /** Ends the call for a reason of ours. */
  end(error: SluiceError): void;
  /** The call is over: nothing is watched any more. */
  stop(): void;
}

interface WatchOptions {
  limits: TimeLimits;
  /** When the call has to be over, in milliseconds of `now`. */
  deadline: number;
  now(): number;
}

/** Starts watching. One timer at a time, set again only when it fires, because a read comes far more often than a timeout. */
export function createWatch({ limits, deadline, now }: WatchOptions): Watch {
  const controller = new AbortController();
  let silentUntil = now() + limits.firstTokenMs;
  let hasBegun = false;
  let timer: ReturnType<typeof setTimeout>;

  function check(): void {
    const time = now();
    if (time >= deadline) end(new SluiceError("deadline_exceeded"));
    else if (time >= silentUntil)
      end(new SluiceError(hasBegun ? "provider_interrupted" : "provider_timeout"));
    // Timers may fire a little early: a millisecond more keeps the loop from spinning.
    else timer = setTimeout(check, Math.min(deadline, silentUntil) - time + 1);
  }

  function end(error: SluiceError): void {
    clearTimeout(timer);
    controller.abort(error);
  }

  check();
  return {
    signal: controller.signal,
    touch() {
      silentUntil = now() + limits.gapMs;
      if (hasBegun || controller.signal.aborted) return;
      hasBegun = true;
      // The timer is set for the first event, and a gap may have to be noticed before that.
      clearTimeout(timer);
      check();
    },
    end,
    stop: () => clearTimeout(timer),
  };
}
