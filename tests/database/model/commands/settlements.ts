import { expect } from "vitest";
import { extendHold } from "../extend.ts";
import { sum } from "../numbers.ts";
import { chargeOf, refund as refundCharge, settle as settleHolds } from "../settle.ts";
import type { Hold, State } from "../state.ts";
import { type Command, createCommand, type LimitRow, limitLinesOf, pick, readLimits } from "./command.ts";

export interface ChargeInput {
  offer: number;
  /** What the provider tells of its usage. */
  tells: "all" | "prompt" | "nothing";
  usage: [input: number, cacheRead: number, cacheWrite: number, output: number, reasoning: number];
  bytes: number;
}

interface SettleInput {
  /** Of those that are in this state. */
  holds: number[];
  state: Hold["state"];
  /** Of each hold; none for one that is released. */
  charges: ChargeInput[];
}

interface SettleAnswer {
  hold_id: string;
  is_known: boolean;
  usage: Record<string, number>;
  cost_nano: number;
  limits: LimitRow[];
}

/** Chats are settled, all in one batch: for the first time, again, or late. */
export function settle(input: SettleInput): Command {
  return createCommand("settle", input, {
    check: (state) => chatsIn(state, input.state).length > 0,
    async run(state, session) {
      const holds = [
        ...new Set(input.holds.map((number) => pick(chatsIn(state, input.state), number) as Hold)),
      ];
      const reports = (hold: Hold) =>
        input.charges.map((charge, index) => ({ ...toReport(hold, charge), attempt: index + 1 }));
      const items = holds.map((hold) => ({
        hold_id: hold.id,
        messages: [],
        charges: reports(hold).map((report) => ({
          ...{ attempt: report.attempt, price_id: report.offer.priceId, outcome: "completed" },
          output_bytes: Number(report.outputBytes),
          ...(report.input !== null && {
            ...{ input_tokens: Number(report.input), cache_read_tokens: Number(report.cacheRead) },
            cache_write_tokens: Number(report.cacheWrite),
          }),
          ...(report.output !== null && {
            ...{ output_tokens: Number(report.output), reasoning_tokens: Number(report.reasoning) },
          }),
        })),
      }));
      const sent = session<{ answer: SettleAnswer }[]>`
        select answer from public.settle_chats(${session.json(items)}) answer`;
      const answered = Promise.resolve(sent);
      settleHolds(
        state,
        holds.map((hold) => ({ hold, charges: reports(hold).map((report) => chargeOf(hold, report)) })),
      );
      const answers = new Map((await answered).map(({ answer }) => [answer.hold_id, answer]));
      for (const hold of holds)
        expect(readAnswer(answers.get(hold.id) as SettleAnswer)).toEqual(describe(hold, state.now));
    },
  });
}

function chatsIn({ holds }: State, state: Hold["state"]): Hold[] {
  return holds.filter((hold) => hold.service === null && hold.state === state);
}

function toReport(hold: Hold, { offer, tells, usage, bytes }: ChargeInput) {
  const [input, cacheRead, cacheWrite, output, reasoning] = usage.map(BigInt) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const prompt =
    tells === "nothing"
      ? { input: null, cacheRead: null, cacheWrite: null }
      : { input, cacheRead, cacheWrite };
  const answer = tells === "all" ? { output, reasoning } : { output: null, reasoning: null };
  return {
    offer: pick(hold.offers, offer) as Hold["offers"][number],
    ...prompt,
    ...answer,
    outputBytes: BigInt(bytes),
  };
}

/** What became of a hold, as an answer tells it. */
export function describe(hold: Hold, now: number) {
  const total = (part: "input" | "cacheRead" | "cacheWrite" | "output" | "reasoning") =>
    Number(sum(hold.ledger.map(({ usage }) => usage[part])));
  return {
    usage: {
      ...{
        input_tokens: total("input"),
        cache_read_tokens: total("cacheRead"),
        cache_write_tokens: total("cacheWrite"),
      },
      ...{ output_tokens: total("output"), reasoning_tokens: total("reasoning") },
    },
    cost: Number(sum(hold.ledger.map(({ costNano }) => costNano))),
    limits: limitLinesOf(hold, now),
  };
}

export function readAnswer({
  usage,
  cost_nano,
  limits,
}: Pick<SettleAnswer, "usage" | "cost_nano" | "limits">) {
  return { usage, cost: cost_nano, limits: readLimits(limits) };
}

/** Another call of a chat is to be held for, or one that is held for already. */
export function extend(input: { hold: number; offer: number; more: number; providerCalls: number }): Command {
  return createCommand("extend", input, {
    check: (state) => chatsIn(state, "pending").length > 0,
    async run(state, session) {
      const target = pick(chatsIn(state, "pending"), input.hold) as Hold;
      const { provider } = pick(target.offers, input.offer) as Hold["offers"][number];
      const { providerCalls } = input;
      const calls = Number(target.calls) + input.more;
      const sent = Promise.resolve(
        session<[{ held: boolean }]>`
          select public.extend_chat(${target.id}, ${calls}, ${provider}, ${providerCalls}) as held`,
      );
      const expected = extendHold(state, target, {
        calls: BigInt(calls),
        provider,
        providerCalls: BigInt(providerCalls),
      });
      expect((await sent)[0].held).toBe(expected);
    },
  });
}

/** Some of the answer of a chat is written down. */
export function write(input: { hold: number; bytes: number }): Command {
  const candidates = (state: State) => chatsIn(state, "pending").filter(({ caller }) => !caller.isDeleted);
  return createCommand("write", input, {
    check: (state) => candidates(state).length > 0,
    async run(state, session) {
      const hold = pick(candidates(state), input.hold) as Hold;
      hold.parts += 1;
      hold.writtenBytes += BigInt(input.bytes);
      const item = {
        ...{
          hold_id: hold.id,
          part: hold.parts,
          attempt: 1,
          content: "x".repeat(input.bytes),
          reasoning: "",
        },
        tool_calls: null,
      };
      await session`select public.save_reply_parts(${session.json([item])})`;
    },
  });
}

/** Money is given back for a provider call. */
export function refund(input: { hold: number; charge: number; nano: number }): Command {
  const candidates = ({ holds }: State) => holds.filter(({ ledger }) => ledger.length > 0);
  return createCommand("refund", input, {
    check: (state) => candidates(state).length > 0,
    async run(state, session) {
      const hold = pick(candidates(state), input.hold) as Hold;
      const { attempt } = pick(hold.ledger, input.charge) as Hold["ledger"][number];
      const sent = Promise.resolve(session<[{ done: boolean }]>`
        select private.refund_charge(${hold.id}, ${attempt}::smallint, ${input.nano}) as done`);
      const expected = refundCharge(state, hold, attempt, BigInt(input.nano));
      expect((await sent)[0].done).toBe(expected);
    },
  });
}
