import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../../../shared/http/read-json.ts";
import { rejectionOf } from "../thrown-by.ts";

const mebibyte = 1024 * 1024;

/** A request with this body; its length is announced, as most clients do, or not, as with chunked transfer. */
function requestOf(body: string | Uint8Array<ArrayBuffer> | ReadableStream, announced?: number): Request {
  return new Request("http://localhost/", {
    method: "POST",
    body,
    ...(announced === undefined ? {} : { headers: { "content-length": String(announced) } }),
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  } as RequestInit);
}

/** Both ways in which a body can arrive. */
function bothWays(body: string | Uint8Array<ArrayBuffer>): Request[] {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const stream = new ReadableStream({
    start(controller) {
      for (let from = 0; from < bytes.length; from += 65_536)
        controller.enqueue(bytes.subarray(from, from + 65_536));
      controller.close();
    },
  });
  return [requestOf(bytes, bytes.length), requestOf(stream)];
}

async function codesOf(body: string | Uint8Array<ArrayBuffer>): Promise<string[]> {
  return Promise.all(bothWays(body).map(async (request) => (await rejectionOf(readJson(request))).code));
}

const nest = (levels: number, inside = "1") => "[".repeat(levels) + inside + "]".repeat(levels);

/** How deep the brackets of a value nest. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("any JSON up to 32 levels is read as JSON.parse reads it, anything deeper is refused", async () => {
  const wrapped = fc.record({
    value: fc.jsonValue({ maxDepth: 4 }),
    levels: fc.nat({ max: 40 }),
    spaces: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(wrapped, async ({ value, levels, spaces }) => {
      const text = nest(levels, JSON.stringify(value, null, spaces));
      const isTooDeep = levels + depthOf(value) > 32;
      for (const request of bothWays(text)) {
        if (isTooDeep) expect((await rejectionOf(readJson(request))).code).toBe("body_too_deep");
        else expect(await readJson(request)).toEqual(JSON.parse(text));
      }
    }),
    { numRuns: 300 },
  );
});

describe("a body of", () => {
  const fill = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;

  test("1 MiB is read", async () => {
    for (const request of bothWays(fill(mebibyte)))
      expect(await readJson(request)).toHaveLength(mebibyte - 2);
  });

  test("one byte more is refused", async () => {
    expect(await codesOf(fill(mebibyte + 1))).toEqual(["body_too_large", "body_too_large"]);
  });

  test("1 MiB of characters of more than a byte each is refused: bytes count", async () => {
    expect(await codesOf(`"${"ü".repeat(mebibyte / 2)}"`)).toEqual(["body_too_large", "body_too_large"]);
  });

  test("an announced gigabyte is refused without reading any of it", async () => {
    let reads = 0;
    const body = new ReadableStream({ pull: () => void reads++ }, { highWaterMark: 0 });
    expect((await rejectionOf(readJson(requestOf(body, 1024 * mebibyte)))).code).toBe("body_too_large");
    expect(reads).toBe(0);
  });

  test("no end is given up: after 8 MiB more, which let a client that has one see the answer", async () => {
    let reads = 0;
    const { promise: wasCancelled, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream({
      pull(controller) {
        reads++;
        controller.enqueue(new Uint8Array(mebibyte / 4));
      },
      cancel: () => resolve(),
    });
    expect((await rejectionOf(readJson(requestOf(body)))).code).toBe("body_too_large");
    await wasCancelled;
    expect(reads).toBeLessThan(40);
  });
});

describe("levels", () => {
  test.each([
    ["of lists", nest(33)],
    ["of objects", `${'{"a":'.repeat(33)}1${"}".repeat(33)}`],
    ["of both", `${'[{"a":'.repeat(17)}1${"}]".repeat(17)}`],
    ["that nobody closes", "[".repeat(mebibyte)],
    ["after a text that ends in an escaped backslash", `["\\\\",${nest(32)}]`],
    ["after a text that holds a quote", `["\\"",${nest(32)}]`],
  ])("%s are refused beyond 32, before anything is parsed", async (_what, body) => {
    expect(await codesOf(body)).toEqual(["body_too_deep", "body_too_deep"]);
  });

  test.each([
    ["32 lists", nest(32)],
    ["many lists beside each other", `[${Array.from({ length: 100 }, () => "[[]]").join()}]`],
    ["brackets in a text", JSON.stringify(nest(100))],
    ["brackets in a text after an escaped quote", JSON.stringify(`"${nest(100)}`)],
    ["brackets in a text after backslashes", JSON.stringify(`\\\\" ${nest(100)}`)],
    ["brackets in a name", JSON.stringify({ [nest(100)]: 1 })],
  ])("%s are none too many", async (_what, body) => {
    for (const request of bothWays(body)) expect(await readJson(request)).toEqual(JSON.parse(body));
  });
});

test.each<[what: string, body: string | number[]]>([
  ["nothing", ""],
  ["white space", " \n"],
  ["a word", "hello"],
  ["half an object", '{"message":"Why'],
  ["two objects", "{}{}"],
  ["more closed than opened", "]]]]"],
  ["a comma too many", '{"a":1,}'],
  ["a single quote", "{'a':1}"],
  ["bytes that are no UTF-8", [0x22, 0xff, 0x22]],
  ["half a character", [0x22, 0xc3, 0x22]],
  ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
])("%s is not JSON, and the answer does not repeat it", async (_what, body) => {
  const bytes = typeof body === "string" ? body : new Uint8Array(body);
  for (const request of bothWays(bytes)) {
    const error = await rejectionOf(readJson(request));
    expect(error.code).toBe("invalid_json");
    expect(error.cause).toBeUndefined();
  }
});

test("a body with a byte order mark is read", async () => {
  for (const request of bothWays('\uFEFF{"a":1}')) expect(await readJson(request)).toEqual({ a: 1 });
});

test("a request without a body is told that it has none", async () => {
  expect((await rejectionOf(readJson(new Request("http://localhost/")))).code).toBe("invalid_json");
});
