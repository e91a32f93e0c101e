import { beforeAll, expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createRandom } from "../../support/random.ts";
import { createSequencePlayer, listSequences } from "./play-sequence.ts";
import { type Played, playStory } from "./play-story.ts";
import { stories } from "./stories.ts";

const sql = connectDatabase();
const isLong = process.env.BILLING_ORDERS === "all";
const sample = 500;
const together = 8;

let all: { played: Played; sequence: number[] }[];

beforeAll(async () => {
  const played = await Promise.all(stories.map(playStory));
  all = played.flatMap((each) => listSequences().map((sequence) => ({ played: each, sequence })));
});

test("six stories have 22,320 sequences, each another one", () => {
  const named = all.map(({ played, sequence }) => `${played.customer} ${sequence}`);
  expect(new Set(named).size).toBe(22_320);
  expect(named).toHaveLength(22_320);
});

test(
  `after each delivery of ${isLong ? "all sequences" : `${sample} sequences, other ones each day,`} the plan is the one that Stripe's objects give`,
  async () => {
    const seed = Number(process.env.BILLING_SEED ?? Math.floor(Date.now() / 86_400_000));
    const random = createRandom(seed);
    const chosen = isLong ? all : Array.from({ length: sample }, () => random.pick(all));
    const faults: string[] = [];
    const run = Math.floor(Date.now() / 1000) % 1_000_000;
    const player = createSequencePlayer(sql);
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < chosen.length; index = next++) {
        const { played, sequence } = chosen[index] as (typeof all)[number];
        faults.push(...(await player.play(played, sequence, run * 100_000 + index)));
      }
    };
    await Promise.all(Array.from({ length: together }, worker));
    expect(faults, `again with BILLING_SEED=${seed}`).toEqual([]);
  },
  60 * 60 * 1000,
);
