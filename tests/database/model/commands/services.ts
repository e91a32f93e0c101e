import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { type Demand, demandOfService } from "../demand.ts";
import { place } from "../place.ts";
import { expire, settle as settleHolds } from "../settle.ts";
import type { Caller, Hold, State } from "../state.ts";
import { claimKey, describeRefusal, expectOneOf, readRefusal } from "./begin.ts";
import { type Command, createCommand, type LimitRow, pick, readLimits } from "./command.ts";
import { describe } from "./settlements.ts";

interface HoldAnswer {
  refusal?: string;
  detail?: Parameters<typeof readRefusal>[0]["detail"];
  hold_id: string;
  is_replay?: boolean;
  state: string;
  usage: Record<string, number>;
  cost_nano: number;
  limits: LimitRow[];
}

interface ServiceInput {
  caller: number;
  service: string;
  tokens: number;
  nano: number;
  key: { name: string; body: string } | null;
}

/** A service of the app holds tokens and money of a caller. */
export function holdForService(input: ServiceInput): Command {
  return createCommand("holdForService", input, {
    async run(state, session) {
      const caller = pick(state.callers, input.caller) as Caller;
      const holdId = randomUUID();
      const { service, key } = input;
      const item = {
        ...{ hold_id: holdId, user_id: caller.id, service, tokens: input.tokens, cost_nano: input.nano },
        ...(key && { idempotency_key: key.name, body_hash: key.body }),
      };
      const sent = Promise.resolve(session<[{ answer: HoldAnswer }]>`
        select public.place_hold(${session.json(item)}) as answer`);
      expire(state, (hold) => hold.caller === caller);
      const expected = answerOf(state, {
        caller,
        holdId,
        // What a service holds under a key has nothing to do with the keys of chats and other services.
        key: key && { ...key, name: `${service} ${key.name}` },
        demand: demandOfService({ caller, holdId, service }, input),
      });
      const [{ answer }] = await sent;
      if (Array.isArray(expected))
        expectOneOf(answer.detail ? readRefusal(answer) : answer.refusal, expected);
      else
        expect([answer.hold_id, answer.is_replay, read(answer)]).toEqual([
          expected.hold.id,
          expected.isReplay,
          stateOf(state, expected.hold),
        ]);
    },
  });
}

/** The hold that is answered with, or the refusals any of which may be told. */
function answerOf(
  state: State,
  { demand, ...request }: { caller: Caller; holdId: string; key: ServiceInput["key"]; demand: Demand },
): { hold: Hold; isReplay: boolean } | string[] {
  const repeated = claimKey(state, request);
  if (repeated === "SL422") return [repeated];
  if (repeated !== null)
    return { hold: state.holds.find(({ id }) => id === repeated) as Hold, isReplay: true };
  if (request.caller.isDeleted) return ["SL401"];
  const { hold, refusals } = place(state, demand);
  return hold ? { hold, isReplay: false } : refusals.map(describeRefusal);
}

/** A service settles its hold, whatever its state; or releases it where nothing was used. */
export function closeService(input: {
  hold: number;
  used: { tokens: number; nano: number } | null;
}): Command {
  const candidates = ({ holds }: State) => holds.filter(({ service }) => service !== null);
  return createCommand("closeService", input, {
    check: (state) => candidates(state).length > 0,
    async run(state, session) {
      const hold = pick(candidates(state), input.hold) as Hold;
      const { used } = input;
      const usage = {
        input_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: used?.tokens,
        reasoning_tokens: 0,
      };
      const item = { hold_id: hold.id, usage, cost_nano: used?.nano };
      const sent = Promise.resolve(
        used
          ? session<[{ answer: HoldAnswer }]>`select public.settle_hold(${session.json(item)}) as answer`
          : session<[{ answer: HoldAnswer }]>`select public.release_hold(${hold.id}) as answer`,
      );
      const bill = {
        input: 0n,
        cacheRead: 0n,
        cacheWrite: 0n,
        output: BigInt(used?.tokens ?? 0),
        reasoning: 0n,
      };
      const charge = {
        ...{ attempt: 1, provider: hold.service as string, isEstimated: false, usage: bill },
        costNano: BigInt(used?.nano ?? 0),
      };
      settleHolds(state, [{ hold, charges: used ? [charge] : [] }]);
      expect(read((await sent)[0].answer)).toEqual(stateOf(state, hold));
    },
  });
}

function read({ state, usage, cost_nano, limits }: HoldAnswer) {
  return { state, usage, cost: cost_nano, limits: readLimits(limits) };
}

function stateOf(state: State, hold: Hold) {
  return { state: hold.state, ...describe(hold, state.now) };
}
