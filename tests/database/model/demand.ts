// How much a request can take at most.

import { type Limit, nameOf } from "./catalogue.ts";
import { ceilDivide, greatest, lesser } from "./numbers.ts";
import {
  type Caller,
  type Counter,
  findModel,
  isInHours,
  limitsOf,
  type Offer,
  projectCalendar,
  type State,
  standingOf,
} from "./state.ts";

/** A chat, or what a service of the app asks for, with all that its amounts follow from. */
export interface Demand {
  holdId: string;
  caller: Caller;
  modelId: string | null;
  service: string | null;
  isByok: boolean;
  offers: Offer[];
  /** The most tokens that the prompt can be billed for, and what they and the call itself can cost, in pico-USD. */
  promptTokens: bigint;
  likelyPromptTokens: bigint;
  promptPico: bigint;
  /** Of one token of the answer. */
  outputPico: bigint;
  askedTokens: bigint;
  /** Providers that are used up, however short the answer. */
  closed: Set<string>;
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
  state: State,
  { modelId, isByok, ...request }: Pick<Demand, "holdId" | "caller" | "isByok"> & { modelId: string },
  size: ChatSize,
): Demand {
  const model = findModel(modelId);
  const offers = state.offers.get(modelId);
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
  const closed = closedProviders(state, { ...request, isByok, offers, promptTokens });
  const prices = offers
    .filter(({ provider }) => !closed.has(provider))
    .flatMap(({ price, tiers }) => [
      price,
      ...tiers.filter((tier) => promptTokens >= tier.from && isInHours(tier, state.now)),
    ]);
  const dearest = (amounts: bigint[]) => (isByok ? 0n : greatest(amounts));
  return {
    ...{ ...request, modelId, service: null, isByok, offers, closed },
    ...{ promptTokens, likelyPromptTokens: lesser(likely, promptTokens) },
    promptPico:
      promptTokens * dearest(prices.flatMap(({ input, cacheWrite }) => [input, cacheWrite])) +
      dearest(prices.map(({ request }) => request)),
    outputPico: dearest(prices.flatMap(({ output, reasoning }) => [output, reasoning])),
    askedTokens: model.isEmbedding ? 0n : lesser(BigInt(size.output), longest),
  };
}

/** Providers that are used up, however short the answer: what they charge plays no part. None where all are. */
function closedProviders(
  { project, projectLimits, now }: State,
  { caller, isByok, offers, promptTokens }: Pick<Demand, "caller" | "isByok" | "offers" | "promptTokens">,
): Set<string> {
  const isFree = (name: string) =>
    isByok ||
    offers.every(
      ({ provider, price }) =>
        provider !== name ||
        price.input + price.cacheWrite + price.output + price.reasoning + price.request === 0n,
    );
  const leastOf = ({ unit, scopeId }: Limit) => {
    if (unit === "tokens") return promptTokens;
    return unit === "nano_usd" && isFree(scopeId) ? 0n : 1n;
  };
  const isExhausted = (limit: Limit, { used, held }: Counter) =>
    limit.scope === "provider" && leastOf(limit) > 0n && used + held + leastOf(limit) > limit.amount;
  const exhausted = [
    ...limitsOf(caller, now).filter((limit) =>
      isExhausted(limit, standingOf(caller.counters.get(nameOf(limit)), limit, caller.calendar, now)),
    ),
    ...[...projectLimits.values()].filter((limit) =>
      isExhausted(limit, standingOf(project.get(nameOf(limit)), limit, projectCalendar, now)),
    ),
  ];
  const closed = new Set(exhausted.map(({ scopeId }) => scopeId));
  return offers.every(({ provider }) => closed.has(provider)) ? new Set() : closed;
}

/** What a service of the app asks for: it says itself how much it may take. */
export function demandOfService(
  request: Pick<Demand, "holdId" | "caller"> & { service: string },
  { tokens, nano }: { tokens: number; nano: number },
): Demand {
  return {
    ...{ ...request, modelId: null, isByok: false, offers: [], closed: new Set<string>() },
    ...{ promptTokens: BigInt(tokens), likelyPromptTokens: BigInt(tokens), promptPico: BigInt(nano) * 1000n },
    ...{ outputPico: 0n, askedTokens: 0n },
  };
}
