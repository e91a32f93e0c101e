import fc from "fast-check";
import { expect, test } from "vitest";
import { readTokenTimes, toGaps, toLateness } from "../../bench/token-times.ts";

const ours = [
  'event: start\ndata: {"id":"a","model":"bench/openai"}\n\n',
  'event: chunk\nid: 1-4-0\ndata: {"text":"You "}\n\n',
  'event: chunk\nid: 1-12-0\ndata: {"text":"\\"a\\\\ é🙂"}\n\n',
  'event: done\ndata: {"usage":{"outputTokens":4}}\n\n',
];
const openai = [
  'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
  'data: {"choices":[{"delta":{"content":"You "}}]}\n\n',
  'data: {"choices":[{"delta":{"content":"said"}}]}\n\n',
  "data: [DONE]\n\n",
];

test.each([
  ["ai-chat's events, one with several tokens", ours, [1, 2, 2, 2]],
  ["OpenAI's chunks", openai, [1, 2]],
])("each token came with the read that had the end of its event: %s", (_what, events, expected) => {
  const pieces = events.map((event, atMs) => ({ atMs, bytes: Buffer.from(event) }));
  expect([...readTokenTimes(pieces)]).toEqual(expected);
});

test("no token is lost or counted twice, wherever the network cuts the events", () => {
  const bytes = Buffer.from([...ours, ...openai].join(""));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 30 }), (cuts) => {
      const ends = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = ends
        .slice(1)
        .map((end, index) => ({ atMs: index, bytes: bytes.subarray(ends[index], end) }));
      const times = [...readTokenTimes(pieces)];
      expect(times).toHaveLength(6);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});

test("a token is as late as it is behind the pace of the earliest", () => {
  const times = Float64Array.of(105, 112, 120, 147, 141);
  expect([...toLateness(times, 10)]).toEqual([5, 2, 0, 17, 1]);
  expect([...toGaps(times)]).toEqual([7, 8, 27, -6]);
});

test("a stream without tokens is neither late nor early", () => {
  expect([...toLateness(Float64Array.of(), 10)]).toEqual([]);
  expect([...toGaps(Float64Array.of())]).toEqual([]);
});
