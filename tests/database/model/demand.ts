// How much a request can take at most.

import { nameOf } from "./catalogue.ts";
import { ceilDivide, greatest, lesser } from "./numbers.ts";
import { type Caller, findModel, limitsOf, type Offer, type State, standingOf } from "./state.ts";

/** A chat, or what a service of the app asks for, with all that its amounts follow from. */
export interface Demand {
  holdId: string;
  caller: Caller;
  modelId: string | null;
  service: string | null;
  isByok: boolean;
  offers: Offer[];
  /** The most tokens that the prompt can be billed for, and what they can cost, in pico-USD. */
  promptTokens: bigint;
  likelyPromptTokens: bigint;
  promptPico: bigint;
  /** Of one token of the answer. */
  outputPico: bigint;
  askedTokens: bigint;
}

export interface ChatSize {
  bytes: number;
  messages: number;
  images: number;
  /** Tokens that a provider adds. */
  overhead: number;
  /** The longest answer that is asked for. */
  output: number;
}

/** What a chat takes at most, at the dearest price that can apply. */
export function demandOfChat(
  { offers: allOffers, now }: State,
  { modelId, isByok, ...request }: Pick<Demand, "holdId" | "caller" | "isByok"> & { modelId: string },
  size: ChatSize,
): Demand {
  const model = findModel(modelId);
  const offers = allOffers.get(modelId);
  if (!model || !offers) throw new Error(`There is no model ${modelId}.`);
  const [bytes, messages, images] = [BigInt(size.bytes), BigInt(size.messages), BigInt(size.images)];
  const [context, imageTokens] = [BigInt(model.contextTokens), BigInt(model.imageTokens)];
  // A provider never makes more tokens than bytes, and takes no more than it has room for: of texts that are embedded, each.
  const promptTokens = lesser(
    bytes + 16n * messages + 16n + BigInt(size.overhead) + imageTokens * images,
    model.isEmbedding ? context * messages : context,
  );
  const likely = ceilDivide(bytes, 4n) + 4n * messages + 3n + lesser(imageTokens, 1000n) * images;
  // What is left of the context once the prompt is in it, at three bytes a token.
  const longest = lesser(BigInt(model.maxOutputTokens), greatest([64n, context - bytes / 3n]));
  const closed = closedProviders(request.caller, promptTokens, now);
  const open = offers.filter(({ provider }) => !closed.has(provider));
  const prices = (open.length > 0 ? open : offers).flatMap(({ price, tier }) =>
    tier && promptTokens >= tier.from ? [price, tier] : [price],
  );
  const dearest = (amounts: bigint[]) => (isByok ? 0n : greatest(amounts));
  return {
    ...{ ...request, modelId, service: null, isByok, offers },
    ...{ promptTokens, likelyPromptTokens: lesser(likely, promptTokens) },
    promptPico: promptTokens * dearest(prices.flatMap(({ input, cacheWrite }) => [input, cacheWrite])),
    outputPico: dearest(prices.map(({ output }) => output)),
    askedTokens: model.isEmbedding ? 0n : lesser(BigInt(size.output), longest),
  };
}

/** Providers that a caller has used up, however short the answer: what they charge plays no part. */
function closedProviders(caller: Caller, promptTokens: bigint, now: number): Set<string> {
  const exhausted = limitsOf(caller, now).filter((limit) => {
    if (limit.scope !== "provider" || limit.unit === "nano_usd") return false;
    const { used, held } = standingOf(caller.counters.get(nameOf(limit)), limit, caller.calendar, now);
    return used + held + (limit.unit === "tokens" ? promptTokens : 1n) > limit.amount;
  });
  return new Set(exhausted.map(({ scopeId }) => scopeId));
}

/** What a service of the app asks for: it says itself how much it may take. */
export function demandOfService(
  request: Pick<Demand, "holdId" | "caller"> & { service: string },
  { tokens, nano }: { tokens: number; nano: number },
): Demand {
  return {
    ...{ ...request, modelId: null, isByok: false, offers: [] },
    ...{ promptTokens: BigInt(tokens), likelyPromptTokens: BigInt(tokens), promptPico: BigInt(nano) * 1000n },
    ...{ outputPico: 0n, askedTokens: 0n },
  };
}
