import { expect, test } from "vitest";
import { everyMinute } from "../../local/schedules/every-minute.ts";

/** Runs the clock: at each of `times` the timer fires, and it is stopped after the last. Returns the minutes that were run and the waits. */
async function runClock(start: string, times: string[]) {
  const ending = new AbortController();
  const [minutes, waitsMs]: [string[], number[]] = [[], []];
  let now = Date.parse(start);
  await everyMinute((minute) => minutes.push(minute.toISOString().slice(11, 19)), ending.signal, {
    now: () => now,
    async wait(durationMs) {
      const next = times.shift();
      if (next === undefined) return ending.abort();
      waitsMs.push(durationMs);
      now = Date.parse(next);
    },
  });
  return { minutes, waitsMs };
}

const day = "2026-11-28T";

test("each full minute is run once, from the next on", async () => {
  expect(await runClock(`${day}12:00:59.250Z`, [`${day}12:01:00.003Z`, `${day}12:02:00.000Z`])).toEqual({
    minutes: ["12:01:00", "12:02:00"],
    waitsMs: [750, 59_997],
  });
});

test("a timer that fires early does not run a minute twice", async () => {
  const { minutes } = await runClock(`${day}12:00:30Z`, [`${day}12:00:59.999Z`, `${day}12:01:59.999Z`]);
  expect(minutes).toEqual(["12:01:00", "12:02:00"]);
});

test("minutes that were slept through are left out", async () => {
  const { minutes } = await runClock(`${day}12:00:30Z`, [`${day}15:30:20Z`, `${day}15:31:00Z`]);
  expect(minutes).toEqual(["15:30:00", "15:31:00"]);
});

test("it ends at once when it is stopped", async () => {
  const ending = new AbortController();
  const ended = everyMinute(() => expect.unreachable(), ending.signal);
  ending.abort();
  await ended;
});
