import type { Caller } from "../domain/caller.ts";
import type { Bill, LimitState, ServedBy } from "../domain/chat-event.ts";
import { SluiceError } from "../domain/errors.ts";
import type { PartialUsage } from "../domain/usage.ts";
import { type Embeddings, type Limitations, type Provider, ProviderError } from "../providers/provider.ts";
import { type Attempts, type CallsBefore, createAttempts, type ProviderCall } from "./attempts.ts";
import { billed, type CallFailure, readFailure } from "./call-failure.ts";
import { type Candidate, createCandidates } from "./candidates.ts";
import { connect } from "./connect.ts";
import { countUtf8Bytes } from "./count-utf8-bytes.ts";
import type { GatewayContext, Observer } from "./gateway.ts";
import type { PlacedHold } from "./holding.ts";
import { createWatch, wholeResponseMs } from "./watch.ts";

export interface EmbeddingCall {
  /** Names the request, its hold and its ledger rows. A UUID. */
  id: string;
  caller: Caller;
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
  /** The caller's limits when the request was let through. */
  allowance: LimitState[];
}

interface EmbeddingAttempt extends ProviderCall {
  readonly served: ServedBy;
  /** Once `open` has returned null. */
  result(): Embeddings;
}

/**
 * Holds, embeds, settles.
 * @throws SluiceError with the refusal, which says what was charged where a provider that failed billed; or settlement_pending, where
 * nothing but the ledger is missing
 */
export async function runEmbedding(call: EmbeddingCall, context: GatewayContext): Promise<EmbeddingResult> {
  const { id, observer, input } = call;
  const { now, limits } = context;
  const deadline = now() + Math.min(limits.deadlineMs, wholeResponseMs);
  const connected = await connect<EmbeddingAttempt>(
    {
      request: {
        holdId: id,
        caller: call.caller,
        model: call.model,
        provider: call.provider,
        conversationId: null,
        continues: false,
        firstText: "",
        prompt: {
          bytes: input.reduce((bytes, text) => bytes + countUtf8Bytes(text), 0),
          messages: input.length,
          images: 0,
          overheadTokens: 0,
        },
        takesPreferences: false,
        takesSystemPrompt: false,
        outputModality: "embeddings",
        needs: [],
        maxOutputTokens: undefined,
        idempotency: null,
        fallsBack: false,
      },
      messages: [],
      prepare: (hold, before) => prepareAttempts(call, { hold, before, deadline }, context),
      answerBy: null,
      observer,
    },
    context,
  );
  if ("replayOf" in connected) throw new SluiceError("internal_error");
  const { hold, attempts, call: attempt } = connected;
  context.leave(attempts);
  attempts.completed(attempt);
  observer.served(attempt.served);
  const { health } = attempts;
  const outcome = { charges: attempts.charges(), messages: [], ...(health && { health }) };
  const { usage, costNano, estimated, limits: left } = await hold.conclude(outcome, null);
  const { vectors } = attempt.result();
  return {
    id,
    ...attempt.served,
    vectors,
    usage,
    costNano,
    estimated,
    limits: left,
    allowance: hold.allowance,
  };
}

async function prepareAttempts(
  call: EmbeddingCall,
  { hold, before, deadline }: { hold: PlacedHold; before: CallsBefore; deadline: number },
  context: GatewayContext,
): Promise<Attempts<EmbeddingAttempt>> {
  const { observer, input } = call;
  const candidates = await createCandidates({
    ...context,
    hold,
    onSealedKey: observer.keyFailed,
    preferred: call.provider,
    findLimitations: (provider) => findLimitations(provider, input),
  });
  return createAttempts<EmbeddingAttempt>({
    ...context,
    holdId: call.id,
    candidates,
    before,
    deadline,
    call: (candidate, number) =>
      createEmbeddingAttempt({ call, candidate, number, model: hold.model, deadline, context }),
    observer,
  });
}

/** What a provider cannot serve. */
function findLimitations({ embeddings }: Provider, input: string[]): Limitations {
  if (embeddings === null) return { dropped: [], refused: "model" };
  const { maxTexts } = embeddings;
  if (input.length <= maxTexts) return { dropped: [], refused: null };
  const remedy = `input: the model takes at most ${maxTexts} texts at once: send fewer.`;
  return { dropped: [], refused: "input", remedy };
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
  const isByok = candidate.source === "byok";
  let embeddings: Embeddings | null = null;
  /** What a provider that failed says that it bills. */
  let partialUsage: PartialUsage | null = null;

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
        if (thrown instanceof ProviderError) partialUsage = thrown.usage ?? null;
        const cause = watch.signal.aborted ? watch.signal.reason : thrown;
        const failure = readFailure(cause, false, isByok);
        return partialUsage === null ? failure : billed(failure);
      } finally {
        watch.stop();
      }
    },
    charges() {
      if (embeddings === null && partialUsage === null) return [];
      const outcome = embeddings === null ? "interrupted" : "completed";
      const usage = embeddings?.usage ?? partialUsage;
      const key = { credentialId: candidate.credential.id };
      return [{ attempt: number, priceId: candidate.route.priceId, outcome, usage, outputBytes: 0, ...key }];
    },
    result: () => embeddings as Embeddings,
    end: watch.end,
  };
}
