import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createServePage } from "../../../local/app/serve-page.ts";
import { projectRoot } from "../../../local/project.ts";

const folder = join(projectRoot, "local", "app", "page");
const names = readdirSync(folder);
const servePage = createServePage("sb_publishable_$&");
const server = createServer((asked, answer) => {
  if (!servePage(asked, answer)) answer.writeHead(404).end();
});

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => server.close());

/** Asks for exactly this path: `fetch` would tidy it up. */
async function ask(path: string, method = "GET") {
  const { port } = server.address() as AddressInfo;
  const asked = request({ port, host: "127.0.0.1", path, method }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

test("the page is told the publishable key, and may load and call nothing but this address", async () => {
  const { status, headers, body } = await ask("/plans?checkout=success");
  expect(status).toBe(200);
  expect(body).toContain('content="sb_publishable_$&"');
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
  });
});

test("all files that it loads are served as what they are", async () => {
  for (const name of names.filter((each) => each !== "index.html")) {
    const { headers, body } = await ask(`/plans/${name}`);
    expect(headers["content-type"]).toBe(
      name.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
    );
    expect(body).toBe(readFileSync(join(folder, name), "utf8"));
  }
});

test.each([
  "/plans/",
  "/plans/index.html",
  "/plans/../serve-page.ts",
  "/plans/%2e%2e/serve-page.ts",
  "/plans/..%2fserve-page.ts",
  "/plans//api.js",
  "/plans/api.js/",
  "/plan",
])("%s is not served", async (path) => {
  expect((await ask(path)).status).toBe(404);
});

test("it is only read", async () => {
  expect((await ask("/plans", "HEAD")).status).toBe(200);
  expect((await ask("/plans", "POST")).status).toBe(404);
});

test("no text becomes markup", () => {
  const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|\beval\b/;
  expect(names.filter((name) => markup.test(readFileSync(join(folder, name), "utf8")))).toEqual([]);
});
