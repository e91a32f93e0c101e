import type fc from "fast-check";
import { type LimitKey, nameOf } from "../catalogue.ts";
import { describeLimit } from "../limit-lines.ts";
import { compare, observe, type Session } from "../observe.ts";
import { type Caller, type Hold, limitsOf, type State, standingOf } from "../state.ts";

export type Command = fc.AsyncCommand<State, Session>;

/**
 * A command that does a step in the model and in the database, and compares what both have counted afterwards. `run` compares the
 * answers, and sends its statements before it first waits.
 */
export function createCommand<Input>(
  name: string,
  input: Input,
  {
    check = () => true,
    run,
  }: {
    /** Whether there is something that it can be done to. */
    check?: (state: State, input: Input) => boolean;
    run: (state: State, session: Session, input: Input) => Promise<void>;
  },
): Command {
  return {
    check: (state) => check(state, input),
    async run(state, session) {
      const done = run(state, session, input);
      const [[{ observation }]] = await Promise.all([observe(session), done]);
      compare(state, observation);
    },
    toString: () => `${name}(${JSON.stringify(input)})`,
  };
}

/** One of them, whatever the number. */
export function pick<Item>(items: Item[], number: number): Item | undefined {
  return items[number % items.length];
}

/** A caller who has not been deleted. */
export function pickCaller({ callers }: State, number: number): Caller | undefined {
  return pick(
    callers.filter(({ isDeleted }) => !isDeleted),
    number,
  );
}

/** A limit as the database tells it. */
export interface LimitRow extends Omit<LimitKey, "scopeId"> {
  scope_id: string;
  limit: number;
  used: number;
  held: number;
  resets_at: string | null;
}

/** The limits of an answer, one line each. */
export function readLimits(rows: LimitRow[]): string[] {
  return rows.map(readLimit).toSorted();
}

export function readLimit(row: LimitRow): string {
  const resetsAt = row.resets_at === null ? null : Date.parse(row.resets_at);
  const [used, held] = [BigInt(row.used), BigInt(row.held)];
  return describeLimit({ ...row, scopeId: row.scope_id }, BigInt(row.limit), { used, held, resetsAt });
}

/** The limits that a hold took from, as they stand. */
export function limitLinesOf({ caller, reservations }: Hold, now: number): string[] {
  if (caller.isDeleted) return [];
  const limits = new Map(limitsOf(caller, now).map((limit) => [nameOf(limit), limit.amount]));
  return reservations
    .filter(({ isOfProject, counter }) => !isOfProject && limits.has(nameOf(counter.key)))
    .map(({ counter }) => {
      const { key, used, held, credited, period } = standingOf(counter, counter.key, caller.calendar, now);
      const limit = limits.get(nameOf(key)) as bigint;
      return describeLimit(key, limit, { used: used - credited, held, resetsAt: period.end });
    })
    .toSorted();
}
