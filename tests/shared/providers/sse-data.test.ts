import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSseData } from "../../../shared/providers/sse-data.ts";
import { startServer } from "../start-server.ts";
import { cutAt, cutEvery, streamOf } from "./cut-bytes.ts";

const encoder = new TextEncoder();
const byteOrderMark = "\uFEFF";

/** The data of every event of a stream that arrives in these pieces. */
async function read(pieces: Uint8Array[]): Promise<string[]> {
  const events: string[] = [];
  for await (const data of readSseData(streamOf(pieces))) events.push(...data);
  return events;
}

const readText = (text: string) => read([encoder.encode(text)]);

/** Lines that hold everything that the format allows. */
const lines = [
  ": a comment before anything else",
  'data: {"text":"Grüße, 世界, 👩🏽‍🚀"}',
  "",
  ":",
  "event: delta",
  "id: 7",
  "retry: 3000",
  "data: first line",
  "data:second line, without a space",
  "data:  third line, with two",
  "",
  "event: nothing but a name",
  "",
  "",
  "data: a: b, data: c",
  "",
  ": OPENROUTER PROCESSING",
  "",
  "data: [DONE]",
  "",
  "",
];
const linesData = [
  '{"text":"Grüße, 世界, 👩🏽‍🚀"}',
  "first line\nsecond line, without a space\n third line, with two",
  "a: b, data: c",
  "[DONE]",
];

describe.each([
  ["LF", "\n"],
  ["CRLF", "\r\n"],
  ["CR", "\r"],
])("a stream with %s at the end of its lines gives the same events", (_name, ending) => {
  const bytes = encoder.encode(byteOrderMark + lines.join(ending));

  test("in one piece", async () => {
    expect(await read([bytes])).toEqual(linesData);
  });

  test("cut in two at every byte", async () => {
    for (let position = 0; position <= bytes.length; position++) {
      expect(await read(cutAt(bytes, [position])), `cut at byte ${position}`).toEqual(linesData);
    }
  });

  test.each([1, 2, 3, 5, 7, 64])("in pieces of %i bytes", async (size) => {
    expect(await read(cutEvery(bytes, size))).toEqual(linesData);
  });

  test("when the connection ends without the last blank line", async () => {
    for (const size of [1, 2, 64, 10_000]) {
      expect(
        await read(cutEvery(encoder.encode(`data: a${ending}${ending}data: usage${ending}`), size)),
      ).toEqual(["a", "usage"]);
    }
  });
});

test("any events, written in any way and cut anywhere, are read as they were sent", async () => {
  const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, ""));
  const event = fc.record({
    comments: fc.array(line, { maxLength: 2 }),
    name: fc.option(line, { nil: undefined }),
    data: fc.array(fc.record({ content: line, space: fc.boolean() }), { maxLength: 3 }),
  });
  const stream = fc.record({
    events: fc.array(event, { maxLength: 6 }),
    ending: fc.constantFrom("\n", "\r\n", "\r"),
    mark: fc.constantFrom("", byteOrderMark),
  });
  await fc.assert(
    fc.asyncProperty(
      stream,
      fc.array(fc.nat(), { maxLength: 12 }),
      async ({ events, ending, mark }, cuts) => {
        const written = events.flatMap(({ comments, name, data }) => [
          ...comments.map((comment) => `:${comment}`),
          ...(name === undefined ? [] : [`event: ${name}`]),
          ...data.map(({ content, space }) => `data:${space ? " " : ""}${content}`),
          "",
        ]);
        const bytes = encoder.encode(mark + written.map((text) => text + ending).join(""));
        const expected = events
          .filter(({ data }) => data.length > 0)
          // One space after the colon belongs to the format, whoever wrote it.
          .map(({ data }) =>
            data.map(({ content, space }) => (space ? content : content.replace(/^ /, ""))).join("\n"),
          );
        const positions = cuts.map((cut) => cut % (bytes.length + 1));
        expect(await read(cutAt(bytes, positions))).toEqual(expected);
      },
    ),
    { numRuns: 500 },
  );
});

describe("what is no whole event is not taken for one", () => {
  test.each([
    ["a line without its end, as a cut connection leaves it", 'data: a\n\ndata: {"text":', ["a"]],
    ["a field that only begins like data", "database: a\n\ndata: b\n\n", ["b"]],
    ["a comment that speaks of data", ":data: a\n\ndata: b\n\n", ["b"]],
    ["a stream of comments", ": ping\n\n: ping\n\n", []],
    ["nothing", "", []],
  ])("%s", async (_what, text, expected) => {
    expect(await readText(text)).toEqual(expected);
  });

  test("the end of an event whose lines came in time is not lost to a later cut", async () => {
    expect(await readText("data: a\n\ndata: whole\ndata: cut off")).toEqual(["a", "whole"]);
  });
});

test("the events of one network read come together, before the next read is asked for", async () => {
  const pieces = ["data: a\n\ndata: b\n\nda", "ta: c\n\n"].map((text) => encoder.encode(text));
  const reads: string[][] = [];
  for await (const data of readSseData(streamOf(pieces))) reads.push(data);
  expect(reads).toEqual([["a", "b"], ["c"]]);
});

describe("a provider that does not stop is cut", () => {
  const megabyte = encoder.encode("x".repeat(1024 * 1024));

  /** A stream that never ends, of these pieces again and again; tells when it was given back. */
  function endless(...pieces: Uint8Array[]) {
    const { promise: wasCancelled, resolve } = Promise.withResolvers<void>();
    let count = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(pieces[count++ % pieces.length] as Uint8Array),
      cancel: () => resolve(),
    });
    return { body, wasCancelled };
  }

  test.each([
    ["in the middle of a line", [megabyte]],
    ["in the middle of an event of many lines", [encoder.encode("\ndata: "), megabyte]],
  ])("%s of more than 8 MiB", async (_where, pieces) => {
    const { body, wasCancelled } = endless(...pieces);
    await expect(readSseData(body).next()).rejects.toThrow(/exceeds 8 MiB/);
    await wasCancelled;
  });

  test("but not within a line of 7 MiB", async () => {
    const pieces = [
      encoder.encode("data: "),
      ...Array.from({ length: 7 }, () => megabyte),
      encoder.encode("\n\n"),
    ];
    const [data] = await read(pieces);
    expect(data).toHaveLength(7 * 1024 * 1024);
  });
});

test("a consumer that stops early gives the connection back", async () => {
  const { promise: wasClosed, resolve } = Promise.withResolvers<void>();
  const url = await startServer((_request, response) => {
    response.on("close", resolve);
    response.write("data: a\n\n");
  });
  const { body } = await fetch(url);
  for await (const data of readSseData(body as ReadableStream<Uint8Array>)) {
    expect(data).toEqual(["a"]);
    break;
  }
  await wasClosed;
});

test("a connection that breaks is an error, after the events that came before", async () => {
  const url = await startServer((_request, response) => {
    response.write("data: a\n\ndata: b", () => response.destroy());
  });
  const { body } = await fetch(url);
  const events = readSseData(body as ReadableStream<Uint8Array>);
  expect(await events.next()).toEqual({ done: false, value: ["a"] });
  await expect(events.next()).rejects.toThrow();
});

test("a long line in many small reads takes no longer than its length asks for", async () => {
  const line = `data: ${"x".repeat(4 * 1024 * 1024)}\n\n`;
  const [data] = await read(cutEvery(encoder.encode(line), 64));
  expect(data).toHaveLength(4 * 1024 * 1024);
});
