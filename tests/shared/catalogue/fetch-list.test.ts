import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FeedError } from "../../../shared/catalogue/feed.ts";
import { fetchList } from "../../../shared/catalogue/fetch-list.ts";
import { type LocalServer, startServer } from "../../support/local-server.ts";

let server: LocalServer;
const limits = { timeoutMs: 200, maxBytes: 1024 * 1024 };
const closed: string[] = [];

beforeAll(async () => {
  server = await startServer(async (request, response) => {
    response.on("close", () => closed.push(request.url ?? ""));
    switch (request.url) {
      case "/good":
        return response.end('{"data": [1]}');
      case "/silent":
        return undefined;
      case "/slow":
        return response.write('{"data": [');
      case "/broken":
        response.write('{"data": [');
        return response.destroy();
      case "/truncated":
        return response.end('{"data": [');
      case "/html":
        return response.end("<!doctype html><p>canary</p>");
      case "/elsewhere":
        return response.writeHead(302, { location: "/good" }).end();
      case "/endless":
        while (!response.destroyed)
          if (!response.write(" ".repeat(65_536))) await once(response, "drain").catch(() => {});
        return undefined;
      default:
        return response.writeHead(500).end("canary");
    }
  });
});
afterAll(() => server.stop());

test("a list is fetched and read as JSON", async () => {
  expect(await fetchList(`${server.url}/good`, fetch, limits)).toEqual({ data: [1] });
});

test.each([
  ["/error", "The list could not be fetched: the provider answered 500."],
  ["/silent", "The list could not be fetched: it was not complete after 0.2 s."],
  ["/slow", "The list could not be fetched: it was not complete after 0.2 s."],
  ["/broken", "The list could not be fetched: the connection failed or broke off."],
  ["/elsewhere", "The list could not be fetched: the connection failed or broke off."],
  ["/endless", "The list is larger than 1 MiB."],
  ["/truncated", "The list is not JSON."],
  ["/html", "The list is not JSON."],
])("what answers like %s is refused in our words", async (path, message) => {
  const error: unknown = await fetchList(server.url + path, fetch, {
    ...limits,
    timeoutMs: path === "/endless" ? 10_000 : 200,
  }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FeedError);
  expect(String(error)).toContain(message);
  expect(String(error)).not.toContain("canary");
});

test("of a body without end no more is read than its limit", async () => {
  await expect.poll(() => closed).toContain("/endless");
});
