import type { Bill, ServedBy } from "../domain/chat-event.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Usage } from "../domain/usage.ts";
import type { Embeddings, Provider } from "../providers/provider.ts";
import { countUtf8Bytes } from "./answer.ts";
import { type CallFailure, readFailure } from "./call-failure.ts";
import { type Candidate, createCandidates } from "./candidates.ts";
import type { GatewayContext, Observer } from "./gateway.ts";
import { createTries, type ProviderCall, type Tries } from "./try-candidates.ts";
import { createWatch, wholeResponseMs } from "./watch.ts";

export interface EmbeddingCall {
  /** Names the request, its hold and its ledger rows. A UUID. */
  id: string;
  userId: string;
  /** The plan's default where absent. */
  model: string | undefined;
  /** The provider to be tried first, where it serves the model. */
  provider: string | undefined;
  /** At least one text, none of them empty. */
  input: string[];
  /** The length of the vectors; the model's own where absent. */
  dimensions: number | undefined;
  observer: Observer;
}

export interface EmbeddingResult extends ServedBy, Bill {
  id: string;
  /** One a text, in the order of the texts. */
  vectors: number[][];
}

interface EmbeddingAttempt extends ProviderCall {
  readonly served: ServedBy;
  /** Once `open` has returned null. */
  result(): Embeddings;
}

/**
 * Holds, embeds, settles.
 * @throws SluiceError with the refusal, and nothing is charged; or settlement_pending, where nothing but the ledger is missing
 */
export async function runEmbedding(call: EmbeddingCall, context: GatewayContext): Promise<EmbeddingResult> {
  const { id, observer, input } = call;
  const { now, limits } = context;
  const deadline = now() + Math.min(limits.deadlineMs, wholeResponseMs);
  const hold = await context.holding(
    {
      holdId: id,
      userId: call.userId,
      model: call.model,
      conversationId: null,
      continues: false,
      firstText: "",
      prompt: {
        bytes: input.reduce((bytes, text) => bytes + countUtf8Bytes(text), 0),
        messages: input.length,
        images: 0,
        overheadTokens: 0,
      },
      outputModality: "embeddings",
      needs: [],
      maxOutputTokens: undefined,
    },
    observer,
  );
  let tries: Tries<EmbeddingAttempt> | null = null;
  try {
    const candidates = await createCandidates({
      ...context,
      hold,
      onSealedKey: observer.keyFailed,
      preferred: call.provider,
      findLimitations: (provider) => ({ dropped: [], refused: findRefused(provider, input) }),
    });
    if (candidates.refusedField !== null)
      throw new SluiceError("unsupported_parameter", { param: candidates.refusedField });
    tries = createTries<EmbeddingAttempt>({
      ...context,
      holdId: id,
      candidates,
      deadline,
      call: (candidate, number) =>
        createEmbeddingAttempt({ call, candidate, number, model: hold.model, deadline, context }),
      observer,
    });
    context.enter(tries);
    const attempt = await tries.connect();
    tries.completed(attempt);
    observer.mark("first_token");
    observer.served(attempt.served);
    const { health } = tries;
    const bill = await hold.conclude(
      { charges: tries.charges(), messages: [], ...(health && { health }) },
      null,
    );
    const { usage, costNano, estimated, limits: left } = bill;
    return {
      id,
      ...attempt.served,
      vectors: attempt.result().vectors,
      usage,
      costNano,
      estimated,
      limits: left,
    };
  } catch (thrown) {
    const health = tries?.health;
    if (tries === null || tries.charges().length === 0)
      hold.release({ charges: [], messages: [], ...(health && { health }) });
    throw thrown;
  } finally {
    if (tries) context.leave(tries);
  }
}

/** The field that a provider cannot serve; null where it can. */
function findRefused({ embeddings }: Provider, input: string[]): string | null {
  if (embeddings === null) return "model";
  return input.length > embeddings.maxTexts ? "input" : null;
}

interface AttemptOptions {
  call: EmbeddingCall;
  candidate: Candidate;
  number: number;
  model: string;
  deadline: number;
  context: GatewayContext;
}

function createEmbeddingAttempt(options: AttemptOptions): EmbeddingAttempt {
  const { call, candidate, number, model, deadline, context } = options;
  const { limits, now } = context;
  const watch = createWatch({
    limits: { ...limits, firstTokenMs: limits.firstTokenMs + limits.gapMs },
    deadline,
    now,
  });
  let embeddings: Embeddings | null = null;

  async function embed(): Promise<Embeddings> {
    const { provider, route, credential } = candidate;
    if (provider.embeddings === null) throw new SluiceError("internal_error");
    return provider.embeddings.embed({
      upstreamModel: route.upstreamModel,
      credential,
      signal: watch.signal,
      input: call.input,
      dimensions: call.dimensions,
    });
  }

  return {
    candidate,
    served: {
      model,
      provider: candidate.route.provider,
      credential: candidate.source,
      attempts: number,
      warnings: [],
    },
    async open(): Promise<CallFailure | null> {
      try {
        embeddings = await embed();
        return null;
      } catch (thrown) {
        return readFailure(watch.signal.aborted ? watch.signal.reason : thrown, false);
      } finally {
        watch.stop();
      }
    },
    charges() {
      if (embeddings === null) return [];
      const usage: Usage | null = embeddings.usage;
      return [
        { attempt: number, priceId: candidate.route.priceId, outcome: "completed", usage, outputBytes: 0 },
      ];
    },
    result: () => embeddings as Embeddings,
    end: watch.end,
  };
}
