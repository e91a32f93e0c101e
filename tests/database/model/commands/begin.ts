import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { day } from "../calendar.ts";
import { nameOf } from "../catalogue.ts";
import { type ChatSize, demandOfChat } from "../demand.ts";
import type { Session } from "../observe.ts";
import { type Placement, place } from "../place.ts";
import { expire } from "../settle.ts";
import { type Caller, findModel, type Hold, type Offer, planOf, type State } from "../state.ts";
import { type Command, createCommand, type LimitRow, pick, readLimits } from "./command.ts";

export interface ChatInput extends ChatSize {
  /** Deleted ones, too. */
  caller: number;
  /** The last of them is one that nobody knows. */
  model: number;
  isByok: boolean;
  key: { name: string; body: string } | null;
}

const modelIds = ["model/a", "model/b", "model/c", "model/unknown"];

interface Decision {
  hold_id: string;
  replay_of?: string;
  refusal?: string;
  detail?: {
    owner: string;
    limit: number;
    scope: "all" | "model" | "provider";
    scope_id: string;
    unit: "requests" | "tokens" | "nano_usd" | "concurrent";
    window: "minute" | "day" | "month" | "instant";
    resets_at: string | null;
    upgrade?: string | null;
  } | null;
  limits?: LimitRow[];
  max_output_tokens?: number;
  routes?: { provider: string; price_id: number }[];
}

/** Chats begin, all in one batch. */
export function begin(chats: ChatInput[]): Command {
  return createCommand("begin", chats, {
    async run(state, session) {
      const items = chats.map((chat) => ({
        ...chat,
        holdId: randomUUID(),
        caller: pick(state.callers, chat.caller) as Caller,
      }));
      const sent = Promise.resolve(send(session, items));
      const callers = new Set(items.map(({ caller }) => caller));
      expire(state, ({ caller }) => callers.has(caller));
      const answers = answerAll(state, items);
      const expected = items.map(({ holdId }) => answers.get(holdId) as Expected);
      const decisions = new Map((await sent).map(({ decision }) => [decision.hold_id, decision]));
      expect(
        items.map(({ holdId }, index) =>
          readDecision(decisions.get(holdId) as Decision, expected[index] as Expected),
        ),
      ).toEqual(expected.map(({ lines }) => lines));
    },
  });
}

/** Chats begin, but the database is gone before it has committed them. */
export function crash(chats: ChatInput[]): Command {
  return createCommand("crash", chats, {
    async run(state, session) {
      const items = chats.map((chat) => ({
        ...chat,
        holdId: randomUUID(),
        caller: pick(state.callers, chat.caller) as Caller,
      }));
      await Promise.all([session`savepoint crash`, send(session, items), session`rollback to crash`]);
    },
  });
}

type Item = Omit<ChatInput, "caller"> & { holdId: string; caller: Caller };

function send(session: Session, items: Item[]): PromiseLike<{ decision: Decision }[]> {
  const body = items.map(
    ({ holdId, caller, model, bytes, messages, images, overhead, output, isByok, key }) => ({
      ...{
        hold_id: holdId,
        user_id: caller.id,
        model_id: pick(modelIds, model),
        conversation_id: null,
        continues: false,
      },
      ...{
        prompt_bytes: bytes,
        prompt_messages: messages,
        overhead_tokens: overhead,
        images,
        max_output_tokens: output,
      },
      output_modality: findModel(pick(modelIds, model) as string)?.isEmbedding ? "embeddings" : "text",
      ...{
        needs: [],
        byok: isByok ? "required" : "forbidden",
        ...(key && { idempotency_key: key.name, body_hash: key.body }),
      },
    }),
  );
  return session<
    { decision: Decision }[]
  >`select decision from public.begin_chats(${session.json(body)}) decision`;
}

interface Expected {
  /** What the answer must say. */
  lines: string[];
  /** Refusals any of which may be told. */
  refusals?: string[];
}

/**
 * A key stands for one request for a day, unless nothing came of that one. Null where this request is to be made; otherwise SL422 where
 * the key stands for another body, or the hold that it stands for.
 */
export function claimKey(
  state: State,
  { key, caller, holdId }: Pick<Item, "key" | "caller" | "holdId">,
): string | null {
  if (key === null || caller.isDeleted) return null;
  const known = caller.keys.get(key.name);
  const hold = state.holds.find(({ id }) => id === known?.holdId);
  const isSpent = hold?.state === "settled" && hold.service === null && !isCharged(hold);
  if (!known || !hold || isSpent || state.now - known.at > day) {
    caller.keys.set(key.name, { body: key.body, holdId, at: state.now });
    return null;
  }
  return known.body === key.body ? hold.id : "SL422";
}

/** Whether something was charged that was not taken back. */
function isCharged({ ledger }: Hold): boolean {
  const count = (kind: string) => ledger.filter(({ entry }) => entry === kind).length;
  return count("charge") > count("correction");
}

/** Equal keys are asked for one after the other: nothing may come of the first. */
function answerAll(state: State, items: Item[]): Map<string, Expected> {
  const isAgain = ({ caller, key }: Item, index: number) =>
    key !== null &&
    items.slice(0, index).some((other) => other.caller === caller && other.key?.name === key.name);
  const first = items.filter((item, index) => !isAgain(item, index));
  const repeated = first.map((item) => claimKey(state, item));
  const answers = new Map(
    first.map((item, index) => [item.holdId, answer(state, item, repeated[index] ?? null)]),
  );
  const others = items.filter(isAgain);
  return others.length === 0 ? answers : new Map([...answers, ...answerAll(state, others)]);
}

function answer(state: State, item: Item, repeated: string | null): Expected {
  const { caller } = item;
  if (repeated === "SL422") return { lines: [repeated] };
  if (repeated !== null) {
    const isRunning = state.holds.some(({ id, state }) => id === repeated && state === "pending");
    return { lines: [isRunning ? "SL409" : `replay of ${repeated}`] };
  }
  const model = findModel(pick(modelIds, item.model) as string);
  if (caller.isDeleted) return { lines: ["SL401"] };
  if (!model) return { lines: ["SL44M"] };
  if (!planOf(caller, state.now).models.includes(model.id)) return { lines: ["SL403"] };
  const { hold, refusals, limits } = place(state, demandOfChat(state, { ...item, modelId: model.id }, item));
  if (hold === null)
    return { lines: ["refused", ...limits.filter(isGeneral)], refusals: refusals.map(describeRefusal) };
  return {
    lines: [`held for ${hold.maxOutputTokens}`, ...hold.offers.map(describeOffer).toSorted(), ...limits],
  };
}

/** A refusal in words. */
export function describeRefusal({
  code,
  owner,
  name,
  limit,
  resetsAt,
  upgrade,
}: Placement["refusals"][number]): string {
  const reset = resetsAt === null ? "never" : new Date(resetsAt).toISOString();
  return `${code}: ${name} of the ${owner}, ${limit}, resets ${reset}, upgrade ${upgrade}`;
}

function describeOffer({ provider, priceId }: Pick<Offer, "provider" | "priceId">): string {
  return `${provider} at price ${priceId}`;
}

/** What the database decided, in the words of what is expected. */
function readDecision(decision: Decision, { refusals }: Expected): string[] {
  const { refusal, detail, replay_of, limits, routes, max_output_tokens } = decision;
  if (replay_of) return [`replay of ${replay_of}`];
  if (refusal === undefined)
    return [
      `held for ${max_output_tokens}`,
      ...(routes ?? [])
        .map(({ provider, price_id }) => describeOffer({ provider, priceId: price_id }))
        .toSorted(),
      ...readLimits(limits ?? []),
    ];
  if (!detail?.unit) return [refusal];
  expectOneOf(readRefusal(decision), refusals ?? []);
  return ["refused", ...readLimits(limits ?? []).filter(isGeneral)];
}

/** Where a request is refused, limits of providers are told of those that were found open before that was known. */
function isGeneral(line: string): boolean {
  return !line.startsWith("provider ");
}

/** Expects one of several answers. */
export function expectOneOf(told: string | undefined, expected: string[]): void {
  expect(expected.some((answer) => answer === told) ? expected : [told]).toEqual(expected);
}

/** A refusal in the words of what is expected. */
export function readRefusal({ refusal, detail }: { refusal?: string; detail?: Decision["detail"] }): string {
  return describeRefusal({
    code: refusal as string,
    owner: detail?.owner as "caller",
    name: detail ? nameOf({ ...detail, scopeId: detail.scope_id }) : "",
    limit: BigInt(detail?.limit ?? 0),
    resetsAt: detail?.resets_at ? Date.parse(detail.resets_at) : null,
    upgrade: detail?.upgrade ?? null,
  });
}
