import {
  type Provider,
  ProviderError,
  type ProviderEvent,
  type ProviderRequest,
} from "../../../shared/providers/provider.ts";

type Step = { events: ProviderEvent[] } | { failure: Error } | "end";

/**
 * A provider that says what the test tells it to, to one call after the other. A call that is aborted fails as those of the
 * adapters do: with an error of its own that does not know why.
 */
export function createLiveProvider() {
  const calls: ProviderRequest[] = [];
  const steps: Step[] = [];
  let wake = () => {};

  function add(step: Step): void {
    steps.push(step);
    wake();
  }

  async function nextStep(signal: AbortSignal): Promise<Step> {
    for (;;) {
      if (signal.aborted) throw new ProviderError("unavailable", "Request was aborted.");
      const step = steps.shift();
      if (step !== undefined) return step;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
  }

  const provider: Provider = {
    async *chat(request) {
      calls.push(request);
      for (;;) {
        const step = await nextStep(request.signal);
        if (step === "end") return;
        if ("failure" in step) throw step.failure;
        yield step.events;
      }
    },
  };

  return {
    provider,
    calls,
    /** Events that arrive with one read. */
    say: (...events: ProviderEvent[]) => add({ events }),
    fail: (failure: Error) => add({ failure }),
    /** Ends the stream, finished or not. */
    end: () => add("end"),
  };
}

export const text = (value: string): ProviderEvent => ({ type: "text", text: value });
export const reasoning = (value: string): ProviderEvent => ({ type: "reasoning", text: value });
