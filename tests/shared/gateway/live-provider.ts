import {
  type EmbeddingRequest,
  type Embeddings,
  type Limitations,
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
  let outage: Error | null = null;
  let limitations: Limitations = { dropped: [], refused: null };
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
      if (outage !== null) throw outage;
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
    listModels: async () => [],
    checkKey: async () => true,
    findLimitations: () => limitations,
    embeddings: null,
  };

  return {
    provider,
    calls,
    /** Events that arrive with one read. */
    say: (...events: ProviderEvent[]) => add({ events }),
    /** Ends the call that is out, or the next one. */
    fail: (failure: Error) => add({ failure }),
    /** From now on every call fails that has nothing else to say. */
    failAlways(failure: Error) {
      outage = failure;
      wake();
    },
    /** What its protocol cannot carry of any chat. */
    limit(given: Partial<Limitations>) {
      limitations = { ...limitations, ...given };
    },
    /** Ends the stream, finished or not. */
    end: () => add("end"),
  };
}

export const text = (value: string): ProviderEvent => ({ type: "text", text: value });
export const reasoning = (value: string): ProviderEvent => ({ type: "reasoning", text: value });

/** The first piece of a tool call. */
export const toolCall = (index: number, id: string, name: string, args = ""): ProviderEvent => ({
  type: "tool_call",
  index,
  id,
  name,
  arguments: args,
});

/** One more piece of a tool call. */
export const moreOfCall = (index: number, args: string): ProviderEvent => ({
  type: "tool_call",
  index,
  arguments: args,
});

/** What becomes of a call for embeddings; nothing, where there is no answer. */
export type EmbeddingAnswer = (() => Embeddings) | Error | "silence";

/** A provider of embeddings that answers each call in turn as it is told. */
export function createEmbedder(answers: EmbeddingAnswer[], maxTexts = 100) {
  const calls: EmbeddingRequest[] = [];

  async function embed(request: EmbeddingRequest): Promise<Embeddings> {
    calls.push(request);
    const answer = answers.shift() ?? "silence";
    if (answer === "silence") {
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve, { once: true }));
      throw new ProviderError("unavailable", "Request was aborted.");
    }
    if (answer instanceof Error) throw answer;
    return answer();
  }

  const provider: Provider = { ...createLiveProvider().provider, embeddings: { maxTexts, embed } };
  return { provider, calls };
}
