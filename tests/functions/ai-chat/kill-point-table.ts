import type { GateFault } from "../../support/database-gate.ts";

/** How a chat is asked for. Up to 256 tokens the provider is asked for one JSON answer, else for a stream in any case. */
export const modes = {
  "a stream": { stream: true },
  "a JSON answer": { stream: false },
  "a short JSON answer": { stream: false, options: { maxTokens: 50 } },
} as const;
export type Mode = keyof typeof modes;

export const failures = ["an exception", "a database cut", "SIGKILL"] as const;
export type Failure = (typeof failures)[number];

/** What becomes of a chat, what whoever repeats it under its key is told, and how often the provider is called for both. */
export const endings = {
  /** Nothing stays held: it is asked anew. */
  "nothing held": { calls: 1 },
  /** The whole answer is paid for and told again. */
  answered: { calls: 1 },
  "answered by another call": { calls: 2 },
  /** What arrived is paid for, and that is told again. */
  "broke off": { calls: 1 },
  /** It counts as running until the hold's life is over. Then what was surely sent is paid for, and that is told. */
  expired: { calls: 1 },
  /** The same, because nobody knows that the function did not come to it. */
  "expired unsent": { calls: 0 },
} as const;
export type Ending = keyof typeof endings;

/** A point at which a function is failed. */
export interface KillPoint {
  point: string;
  modes: Mode[];
  /** Where the provider is held, as the simulator calls it; null where it is the database's turn. */
  heldAt: string | null;
  /** How many tokens a stream's client has by then. */
  arrivedTokens?: number;
  /** The call of the database at this point. */
  database?: Pick<GateFault, "name" | "place">;
  exception: { what: string; answer?: GateFault["answer"] };
  endings: Record<Failure, Ending>;
  /** Where a short JSON answer ends otherwise. */
  shortEndings?: Partial<Record<Failure, Ending>>;
}

const all: Mode[] = ["a stream", "a JSON answer", "a short JSON answer"];
const inPieces: Mode[] = ["a stream", "a JSON answer"];
const broken = { what: "a broken connection" };
const raised = {
  what: "an error of Postgres",
  answer: {
    status: 500,
    body: '{"code":"XX000","message":"cache lookup failed","details":null,"hint":null}',
  },
};
const garbled = { what: "a garbled answer", answer: { status: 200, body: '[{"hold_id":' } };
const midAnswer = { "an exception": "broke off", "a database cut": "answered", SIGKILL: "expired" } as const;

export const killPoints: KillPoint[] = [
  {
    point: "before the hold is placed",
    modes: all,
    heldAt: null,
    database: { name: "begin_chats", place: "before" },
    exception: raised,
    endings: { "an exception": "nothing held", "a database cut": "nothing held", SIGKILL: "nothing held" },
  },
  {
    point: "after the hold is placed, not yet known",
    modes: all,
    heldAt: null,
    database: { name: "begin_chats", place: "after" },
    exception: garbled,
    endings: { "an exception": "nothing held", "a database cut": "nothing held", SIGKILL: "expired unsent" },
  },
  {
    point: "when the request is sent",
    modes: all,
    heldAt: "request",
    exception: broken,
    endings: { "an exception": "answered by another call", "a database cut": "answered", SIGKILL: "expired" },
  },
  {
    point: "at the provider's headers",
    modes: all,
    heldAt: "headers",
    exception: broken,
    endings: { "an exception": "answered by another call", "a database cut": "answered", SIGKILL: "expired" },
    // It was written as a whole, and is not asked for a second time.
    shortEndings: { "an exception": "broke off" },
  },
  {
    point: "at the first chunk",
    modes: inPieces,
    heldAt: "1",
    arrivedTokens: 1,
    exception: broken,
    endings: midAnswer,
  },
  {
    point: "in the middle of the answer",
    modes: all,
    heldAt: "half",
    arrivedTokens: 25,
    exception: broken,
    endings: midAnswer,
  },
  {
    point: "at the last chunk",
    modes: inPieces,
    heldAt: "50",
    arrivedTokens: 50,
    exception: broken,
    endings: midAnswer,
  },
  {
    point: "when usage is known, not yet charged",
    modes: all,
    heldAt: null,
    database: { name: "settle_chats", place: "before" },
    exception: raised,
    endings: { "an exception": "answered", "a database cut": "answered", SIGKILL: "expired" },
  },
  {
    point: "when the charge is committed, not known",
    modes: all,
    heldAt: null,
    database: { name: "settle_chats", place: "after" },
    exception: garbled,
    endings: { "an exception": "answered", "a database cut": "answered", SIGKILL: "answered" },
  },
];
