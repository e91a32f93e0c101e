import { createHash, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readIdempotent, refuseKey } from "../../../shared/http/idempotency.ts";
import { rejectionOf, thrownBy } from "../thrown-by.ts";

/** A request with these headers. */
function requestOf(headers: [string, string][], body = '{"message":"Hello"}'): Request {
  return new Request("http://localhost/", { method: "POST", headers, body });
}

const keyed = (key: string) => requestOf([["Idempotency-Key", key]]);
const hash = (text: string, path = "/") => createHash("sha256").update(`${path}\n${text}`).digest("hex");

test("a request without a key is none that is repeated", async () => {
  expect(await readIdempotent(requestOf([]))).toEqual({ json: { message: "Hello" }, idempotency: null });
});

test("a key comes with the hash of the body as it was sent: the same members written otherwise are another body", async () => {
  const key = randomUUID();
  const bodies = ['{"message":"Ünder"}', '{ "message": "Ünder" }', '{"message":"\\u00dcnder"}'];
  const read = await Promise.all(
    bodies.map((body) => readIdempotent(requestOf([["idempotency-key", key]], body))),
  );
  expect(read).toEqual(
    bodies.map((body) => ({ json: { message: "Ünder" }, idempotency: { key, bodyHash: hash(body) } })),
  );
  expect(new Set(read.map(({ idempotency }) => idempotency?.bodyHash)).size).toBe(3);
});

test("the same body at another address is another request", async () => {
  const send = (path: string) =>
    readIdempotent(
      new Request(`http://localhost${path}?a=1`, {
        method: "POST",
        headers: { "idempotency-key": "k" },
        body: "{}",
      }),
    );
  const read = await Promise.all(["/ai-chat", "/ai-chat/v1/chat/completions"].map(send));
  expect(read.map(({ idempotency }) => idempotency?.bodyHash)).toEqual([
    hash("{}", "/ai-chat"),
    hash("{}", "/ai-chat/v1/chat/completions"),
  ]);
});

describe("a key", () => {
  test.each([
    ["of one character", "k"],
    ["of 255 characters", "k".repeat(255)],
    ["of all signs", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"],
    ["of blanks around a word, which no header keeps", "  word\t"],
  ])("%s is taken", async (_what, key) => {
    const { idempotency } = await readIdempotent(keyed(key));
    expect(idempotency?.key).toBe(key.trim());
  });

  test.each([
    ["that is empty", ""],
    ["that is blank", "   "],
    ["of 256 characters", "k".repeat(256)],
    ["with a blank in it", "one two"],
    ["with a tab in it", "one\ttwo"],
    ["with a letter beyond ASCII", "schlüssel"],
    ["with a control character", "one\u007ftwo"],
  ])("%s is refused by name, before the body is read", async (_what, key) => {
    const request = requestOf([["Idempotency-Key", key]], "no JSON");
    const { code, ...error } = (await rejectionOf(readIdempotent(request))).toBody().error;
    expect([code, error.param]).toEqual(["invalid_request", "Idempotency-Key"]);
    expect(error.message).toMatch(/^Idempotency-Key: must be 1 to 255 .*\.$/);
    expect(request.bodyUsed).toBe(false);
  });

  test("that is sent twice is refused, because nobody knows which one is meant", async () => {
    const request = requestOf([
      ["Idempotency-Key", "one"],
      ["Idempotency-Key", "two"],
    ]);
    expect((await rejectionOf(readIdempotent(request))).code).toBe("invalid_request");
  });
});

test("what is wrong with the body is told as it is without a key", async () => {
  const broken = [["Idempotency-Key", "k"]] as [string, string][];
  expect((await rejectionOf(readIdempotent(requestOf(broken, "{")))).code).toBe("invalid_json");
  expect((await rejectionOf(readIdempotent(requestOf(broken, `"${"x".repeat(1024 * 1024)}"`)))).code).toBe(
    "body_too_large",
  );
});

test("where answers are not kept any key is refused by name, and no key is not", () => {
  expect(refuseKey(requestOf([]))).toBeUndefined();
  for (const key of ["k", ""]) {
    const { code, ...error } = thrownBy(() => refuseKey(keyed(key))).toBody().error;
    expect([code, error.param]).toEqual(["invalid_request", "Idempotency-Key"]);
    expect(error.message).toMatch(/^Idempotency-Key: is not taken here, .* leave it out\.$/);
  }
});
