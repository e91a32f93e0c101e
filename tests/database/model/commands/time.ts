import { expect } from "vitest";
import type { Session } from "../observe.ts";
import { expire } from "../settle.ts";
import { enter, type State } from "../state.ts";
import { type Command, createCommand, pick } from "./command.ts";

/** Time passes. */
export function wait(ms: number): Command {
  return createCommand("wait", ms, {
    run: (state, session) => moveClock(state, session, state.now + ms),
  });
}

/** Time passes until something happens, of what happens next, or for a millisecond more or less. */
export function waitUntil(input: { event: number; plusMs: number }): Command {
  return createCommand("waitUntil", input, {
    check: (state) => nextEvents(state).length > 0,
    run: (state, session) =>
      moveClock(state, session, (pick(nextEvents(state), input.event) as number) + input.plusMs),
  });
}

/** When holds, windows, plans, grants and overrides end: the next few. */
function nextEvents({ callers, holds, project, now }: State): number[] {
  const living = callers.filter(({ isDeleted }) => !isDeleted);
  const moments = [
    ...holds.filter(({ state }) => state === "pending").map(({ expiresAt }) => expiresAt),
    ...living.flatMap(({ counters }) => [...counters.values()].map(({ period }) => period.end)),
    ...[...project.values()].map(({ period }) => period.end),
    ...living.flatMap(({ nextPlan }) => (nextPlan ? [nextPlan.at] : [])),
    ...living.flatMap(({ overrides }) => [...overrides.values()].map(({ expiresAt }) => expiresAt)),
    ...living.flatMap(({ grants }) => grants.map(({ expiresAt }) => expiresAt)),
  ];
  return [...new Set(moments)]
    .filter((at) => at > now + 1 && Number.isFinite(at))
    .toSorted((one, other) => one - other)
    .slice(0, 4);
}

async function moveClock(state: State, session: Session, to: number): Promise<void> {
  state.now = to;
  await session`select set_config('test.now', ${new Date(to).toISOString()}, true)`;
}

/** The job that begins new periods runs. */
export function roll(): Command {
  return createCommand("roll", null, {
    async run(state, session) {
      let rolled = 0;
      for (const { isDeleted, counters, calendar } of state.callers) {
        const over = [...counters.values()].filter(({ period }) => period.end <= state.now);
        // Those of callers who have used something.
        if (isDeleted || !over.some(({ used, held }) => used > 0n || held > 0n)) continue;
        for (const { key } of over) enter(counters, key, calendar, state.now);
        rolled += over.length;
      }
      const [{ count }] = await session<[{ count: number }]>`select private.roll_windows(1000) as count`;
      expect(count).toBe(rolled);
    },
  });
}

/** The job that releases what dead functions left held runs. */
export function sweep(): Command {
  return createCommand("sweep", null, {
    async run(state, session) {
      const sent = Promise.resolve(session<[{ count: number }]>`select private.sweep_holds(1000) as count`);
      const expected = expire(state, () => true);
      expect((await sent)[0].count).toBe(expected);
    },
  });
}
