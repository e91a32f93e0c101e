// Why a request is refused: which limit is named, when it resets, and which plan would help.

import { nameOf, plans } from "./catalogue.ts";
import { amountOf, type Claim, claimsOf, concerns, fits, isExhausted, openProviders } from "./claims.ts";
import type { Demand } from "./demand.ts";
import { limitsOf, planOf, type State } from "./state.ts";

export interface Refusal {
  /** Our SQLSTATE: SL429 where waiting a moment helps. */
  code: string;
  owner: "caller" | "project";
  /** Of the limit. */
  name: string;
  limit: bigint;
  /** Null where nobody knows. */
  resetsAt: number | null;
  /** The cheapest plan that would allow the request. */
  upgrade: string | null;
}

/** All that may be told of a request of which not even the shortest answer fits. */
export function describeRefusals(state: State, demand: Demand, claims: Claim[], least: bigint): Refusal[] {
  const exhausted = claims.filter((claim) => isExhausted(claim, demand, least));
  const ofCaller = exhausted.filter(({ isOfProject }) => !isOfProject);
  // Limits of the project need not be looked at where one of the caller's is in the way already.
  const named = subsetsOf(exhausted.filter(({ isOfProject }) => isOfProject)).flatMap((ofProject) =>
    nameOne([...ofCaller, ...ofProject], demand, least),
  );
  const upgrade = findUpgrade(state, demand, least);
  return [...new Set(named)].map((claim) => ({
    code: isBriefly(claim, demand, least) ? "SL429" : "SL402",
    owner: claim.isOfProject ? "project" : "caller",
    name: nameOf(claim.key),
    limit: claim.limit,
    resetsAt: Number.isFinite(claim.standing.period.end) ? claim.standing.period.end : null,
    upgrade: claim.isOfProject ? null : upgrade,
  }));
}

/** Of limits that are exhausted those that may be named: none where they do not refuse the request. */
function nameOne(exhausted: Claim[], demand: Demand, least: bigint): Claim[] {
  const general = exhausted.filter(({ key }) => key.scope !== "provider");
  if (general.length > 0) return lastToReset(general, demand, least);
  return openProviders(exhausted, demand, least).size > 0 ? [] : firstProviderBack(exhausted, demand, least);
}

function subsetsOf<Item>([first, ...others]: Item[]): Item[][] {
  if (first === undefined) return [[]];
  return subsetsOf(others).flatMap((subset) => [subset, [first, ...subset]]);
}

/** Whether a limit is in the way for a moment only: not where the request is larger than the whole of it. */
function isBriefly({ key, limit }: Claim, demand: Demand, least: bigint): boolean {
  return (key.window === "minute" || key.window === "instant") && amountOf(key, demand, least) <= limit;
}

/** Those that reset last: to wait for another would be in vain. */
function lastToReset(claims: Claim[], demand: Demand, least: bigint): Claim[] {
  const lasting = claims.filter((claim) => !isBriefly(claim, demand, least));
  const candidates = lasting.length > 0 ? lasting : claims;
  const last = Math.max(...candidates.map(({ standing }) => standing.period.end));
  return candidates.filter(({ standing }) => standing.period.end === last);
}

/** Of providers that are all closed those limits that open the first one again. */
function firstProviderBack(claims: Claim[], demand: Demand, least: bigint): Claim[] {
  const byProvider = Object.values(Object.groupBy(claims, ({ key }) => key.scopeId)).map((group) =>
    lastToReset(group as Claim[], demand, least),
  );
  const brief = byProvider.filter(([claim]) => isBriefly(claim as Claim, demand, least));
  if (brief.length > 0) return brief.flat();
  const first = Math.min(...byProvider.map(([claim]) => (claim as Claim).standing.period.end));
  return byProvider.filter(([claim]) => claim?.standing.period.end === first).flat();
}

/** The cheapest dearer plan that has the model and under whose limits the caller's request would go through. */
function findUpgrade(state: State, demand: Demand, least: bigint): string | null {
  const { now } = state;
  const { caller, modelId } = demand;
  const better = plans
    .filter(
      ({ rank, models }) => rank > planOf(caller, now).rank && (modelId === null || models.includes(modelId)),
    )
    .toSorted((one, other) => one.rank - other.rank)
    .find((plan) => {
      const limits = limitsOf(caller, now, plan).filter((limit) => concerns(limit, demand));
      return fits(claimsOf(state, caller, limits), demand, least);
    });
  return better?.id ?? null;
}
