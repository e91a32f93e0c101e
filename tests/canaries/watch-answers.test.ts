import type { ServerResponse } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalServer, startServer } from "../support/local-server.ts";
import { createSecretSearch } from "./secret-search.ts";
import { watchAnswers } from "./watch-answers.ts";

const secret = "an answer's secret";
const beginSearch = createSecretSearch([{ slot: "key", bytes: Buffer.from(secret) }]);
const body = `${"What a client reads. ".repeat(50)}${secret} And so on.`;
let server: LocalServer;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  server = await startServer((_request, response) => answer(response));
});
afterAll(() => server.stop());

/** What is found in an answer that is read as far as it comes. */
async function findIn(respond: typeof answer) {
  answer = respond;
  const watch = watchAnswers(beginSearch);
  const response = await fetch(`${server.url}/path`, { method: "POST" });
  await response.text().catch(() => {});
  return watch.stop();
}

test.each<[string, typeof answer]>([
  ["the body", (response) => response.end(body)],
  ["a header", (response) => response.setHeader("x-key", secret).end("Hello")],
  ["a body that is packed by gzip", (r) => r.setHeader("content-encoding", "gzip").end(gzipSync(body))],
  [
    "a body that is packed by brotli",
    (r) => r.setHeader("Content-Encoding", "br").end(brotliCompressSync(body)),
  ],
  [
    "a body that comes in pieces",
    async (response) => {
      for (const character of body.slice(-100)) {
        await new Promise((resolve) => response.write(character, resolve));
      }
      response.end();
    },
  ],
  ["a body that breaks off", (response) => response.write(body, () => response.destroy())],
  ["an error", (response) => response.writeHead(500).end(body)],
])("a secret is found in %s", async (_what, respond) => {
  expect(await findIn(respond)).toEqual([{ place: `POST ${server.url}/path`, slot: "key" }]);
});

test("an answer that is open still is searched, too", async () => {
  answer = (response) => response.write(body);
  const watch = watchAnswers(beginSearch);
  const response = await fetch(server.url);
  await response.body?.getReader().read();
  expect(watch.stop()).toHaveLength(1);
});

test("nothing is found in an answer that has no secret, packed or not", async () => {
  expect(await findIn((response) => response.end("Hello"))).toEqual([]);
  expect(
    await findIn((response) => response.setHeader("content-encoding", "gzip").end(gzipSync("Hi"))),
  ).toEqual([]);
  expect(await findIn((response) => response.writeHead(204, { "content-encoding": "gzip" }).end())).toEqual(
    [],
  );
});
