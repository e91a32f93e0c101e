// What is charged for a hold, and what its windows get and give back.

import type { Price } from "./catalogue.ts";
import { followWithCredits } from "./credits.ts";
import { ceilDivide, lesser, sum, toNano } from "./numbers.ts";
import {
  type Hold,
  isInHours,
  type LedgerEntry,
  type Offer,
  type Reservation,
  type State,
  tokensOf,
  type Usage,
} from "./state.ts";

/** One provider call, as it is reported: tokens that are not known are null. */
export interface Report {
  attempt: number;
  offer: Offer;
  input: bigint | null;
  cacheRead: bigint | null;
  cacheWrite: bigint | null;
  output: bigint | null;
  reasoning: bigint | null;
  /** Of what was received of the answer. */
  outputBytes: bigint;
}

/** What is to be posted for a provider call. */
export type Charge = Omit<LedgerEntry, "entry">;

/** The charge of a provider call. What the provider does not tell is estimated, and never more than was held of the answer. */
export function chargeOf(hold: Hold, report: Report): Charge {
  const { offer, outputBytes } = report;
  const output = report.output ?? lesser(ceilDivide(outputBytes, 4n), hold.maxOutputTokens);
  const usage = {
    input: report.input ?? hold.likelyPromptTokens,
    ...{ cacheRead: report.cacheRead ?? 0n, cacheWrite: report.cacheWrite ?? 0n, output },
    reasoning: lesser(report.reasoning ?? 0n, output),
  };
  return {
    ...{ attempt: report.attempt, provider: offer.provider, usage },
    isEstimated: report.input === null || report.output === null,
    costNano: hold.isByok ? 0n : costOf(offer, usage, hold.createdAt),
  };
}

/** Priced by the tier that the prompt has come to, of the hours in which it was held, and rounded up once. */
function costOf({ price, tiers }: Offer, usage: Usage, heldAt: number, calls = 1n): bigint {
  const prompt = (usage.input + usage.cacheRead + usage.cacheWrite) / calls;
  const { input, cacheRead, cacheWrite, output, reasoning, request } = tiers
    .filter((tier) => prompt >= tier.from && isInHours(tier, heldAt))
    .reduce<Price & { from: bigint }>((last, tier) => (tier.from > last.from ? tier : last), {
      ...price,
      from: -1n,
    });
  return toNano(
    usage.input * input +
      usage.cacheRead * cacheRead +
      usage.cacheWrite * cacheWrite +
      (usage.output - usage.reasoning) * output +
      usage.reasoning * reasoning +
      calls * request,
  );
}

/** Settles holds with their charges; one that is settled already is left alone. */
export function settle(state: State, bills: { hold: Hold; charges: Charge[] }[]): void {
  const open = bills.filter(({ hold }) => hold.state !== "settled");
  post(
    state,
    open.map(({ hold, charges }) => ({
      hold,
      entries: [...charges.map((charge) => ({ ...charge, entry: "charge" as const })), ...takenBack(hold)],
      isReleased: hold.state === "pending",
    })),
  );
  for (const { hold } of open) hold.state = "settled";
}

/** Corrects what was charged when a hold expired, as far as it was not refunded. */
function takenBack(hold: Hold): LedgerEntry[] {
  return hold.ledger
    .filter(({ entry }) => entry === "charge")
    .map((charge) => {
      const refunded = hold.ledger.find(
        ({ entry, attempt }) => entry === "refund" && attempt === charge.attempt,
      );
      const costNano = -charge.costNano - (refunded?.costNano ?? 0n);
      return { ...charge, entry: "correction", usage: negate(charge.usage), costNano };
    });
}

/** Ends what is due of these holds. Returns how many. */
export function expire(state: State, isMeant: (hold: Hold) => boolean): number {
  const due = state.holds.filter(
    (hold) => hold.state === "pending" && hold.expiresAt <= state.now && isMeant(hold),
  );
  post(
    state,
    due.map((hold) => ({ hold, entries: lastKnown(hold), isReleased: true })),
  );
  for (const hold of due) hold.state = "expired";
  return due.length;
}

/** Of a chat that nobody reported on its prompt is charged, for each call, and what was written down of its answer. */
function lastKnown(hold: Hold): LedgerEntry[] {
  const [offer] = hold.offers;
  if (hold.service !== null || !offer) return [];
  const written = hold.caller.isDeleted ? 0n : hold.writtenBytes;
  const usage = {
    input: hold.calls * hold.likelyPromptTokens,
    ...{ cacheRead: 0n, cacheWrite: 0n, reasoning: 0n },
    output: lesser(ceilDivide(written, 4n), hold.calls * hold.maxOutputTokens),
  };
  const costNano = hold.isByok ? 0n : costOf(offer, usage, hold.createdAt, hold.calls);
  return [{ attempt: 0, entry: "charge", provider: offer.provider, isEstimated: true, usage, costNano }];
}

/** Gives money back for one provider call, once and at most what it cost. Returns whether it did. */
export function refund(state: State, hold: Hold, attempt: number, nano: bigint): boolean {
  const charge = hold.ledger.find((entry) => entry.entry === "charge" && entry.attempt === attempt);
  const isTouched = hold.ledger.some((entry) => entry.entry !== "charge" && entry.attempt === attempt);
  if (!charge || isTouched || nano < 1n || nano > charge.costNano) return false;
  const none = { input: 0n, cacheRead: 0n, cacheWrite: 0n, output: 0n, reasoning: 0n };
  const entry: LedgerEntry = { ...charge, entry: "refund", usage: none, costNano: -nano };
  post(state, [{ hold, entries: [entry], isReleased: false }]);
  return true;
}

/** Adds entries to the ledger, moves the windows of the epochs that the holds name, and then has credits follow, the oldest hold first. */
function post(state: State, postings: { hold: Hold; entries: LedgerEntry[]; isReleased: boolean }[]): void {
  for (const { hold, entries, isReleased } of postings) {
    hold.ledger.push(...entries);
    for (const reservation of hold.reservations) {
      const { counter, epoch, amount } = reservation;
      if (counter.epoch !== epoch) continue;
      if (isReleased) counter.held -= amount;
      counter.used += added(reservation, entries);
    }
  }
  const inOrder = postings.toSorted(
    ({ hold: one }, { hold: other }) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1),
  );
  for (const { hold, entries } of inOrder)
    followWithCredits(state, hold, sum(entries.map(({ costNano }) => costNano)));
}

/** What entries add to a window: to that of a provider only those of its own calls. */
function added({ counter: { key } }: Reservation, entries: LedgerEntry[]): bigint {
  const counted = entries.filter(({ provider }) => key.scope !== "provider" || provider === key.scopeId);
  const has = (kind: LedgerEntry["entry"]) => (counted.some(({ entry }) => entry === kind) ? 1n : 0n);
  switch (key.unit) {
    case "requests":
      // However many calls it took.
      return has("charge") - has("correction");
    case "tokens":
      return sum(counted.map(({ usage }) => tokensOf(usage)));
    case "nano_usd":
      return sum(counted.map(({ costNano }) => costNano));
    case "concurrent":
      return 0n;
  }
}

function negate({ input, cacheRead, cacheWrite, output, reasoning }: Usage): Usage {
  return {
    input: -input,
    cacheRead: -cacheRead,
    cacheWrite: -cacheWrite,
    output: -output,
    reasoning: -reasoning,
  };
}
