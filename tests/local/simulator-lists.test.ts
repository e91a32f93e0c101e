import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSecret } from "../../shared/domain/secret.ts";
import { createAnthropicProvider } from "../../shared/providers/anthropic.ts";
import { createGoogleProvider } from "../../shared/providers/google.ts";
import { createOpenAIProvider } from "../../shared/providers/openai.ts";
import { ProviderError } from "../../shared/providers/provider.ts";
import { readBody } from "./simulator-client.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

const formats = [
  { name: "openai", basePath: "/openai/v1", path: "/models", create: createOpenAIProvider },
  { name: "anthropic", basePath: "/anthropic", path: "/v1/models", create: createAnthropicProvider },
  { name: "google", basePath: "/google", path: "/v1beta/models", create: createGoogleProvider },
  { name: "openrouter", basePath: "/openrouter/api/v1", path: "/models", create: createOpenAIProvider },
];
type Format = (typeof formats)[number];

afterEach(async () => {
  for (const { name } of formats) await control(`lists/${name}/reset`);
});

async function control(path: string, body?: unknown, method = "POST") {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${simulator.url}/_simulator/${path}`, init);
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
}

function get({ basePath, path }: Format, key = "sk-test"): Promise<Response> {
  const headers = {
    authorization: `Bearer ${key}`,
    "x-api-key": key,
    "x-goog-api-key": key,
    "anthropic-version": "2023-06-01",
  };
  return fetch(`${simulator.url}${basePath}${path}`, { headers });
}

function list({ basePath, create }: Format, key = "sk-test-0123456789abcdef") {
  const provider = create({ baseUrl: `${simulator.url}${basePath}`, fetch });
  const credential = { id: "env:test", key: createSecret(key) };
  return provider.listModels({ credential, signal: new AbortController().signal });
}

const failureOf = (listing: Promise<unknown>) =>
  listing.then(
    () => null,
    (thrown: unknown) => (thrown instanceof ProviderError ? thrown.failure : thrown),
  );

/** The names that the seeds call models by at a provider. */
async function seededNames(provider: string): Promise<string[]> {
  const seeds = await readFile(new URL("../../supabase/seeds/2_models.sql", import.meta.url), "utf8");
  const routes = [...seeds.matchAll(/\('[^']+', '(\w+)', '([^']+)', \d+\)/g)];
  return routes.filter(([, of]) => of === provider).map(([, , name = ""]) => name);
}

describe.each(formats)("the list of $name", (format) => {
  test("has every model that the seeds have a route to", async () => {
    const seeded = await seededNames(format.name);
    expect(seeded.length).toBeGreaterThan(1);
    const names = (await list(format)).map(({ id }) => id);
    expect(names).toEqual(expect.arrayContaining(seeded));
  });

  test("answers what it was told, until it is reset", async () => {
    const own = await (await get(format)).text();
    await control(`lists/${format.name}`, { status: 503, contentType: "text/html", body: "<p>é" });
    for (const _ of [1, 2]) {
      const response = await get(format);
      expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
        503,
        "text/html",
        "<p>é",
      ]);
    }
    expect(await failureOf(list(format))).toBe("unavailable");
    expect(await control(`lists/${format.name}/reset`)).toEqual({ status: 200 });
    expect(await (await get(format)).text()).toBe(own);
  });

  test("is JSON behind its padding", async () => {
    await control(`lists/${format.name}`, { body: '{"data":[],"models":[]}', paddingBytes: 100_000 });
    const text = await (await get(format)).text();
    expect([text.length, JSON.parse(text)]).toEqual([100_023, { data: [], models: [] }]);
    expect(await list(format)).toEqual([]);
  });

  test("of 200 MB is read no further than the limit", async () => {
    const paddingBytes = 200 * 1024 * 1024;
    await control(`lists/${format.name}`, { body: '{"data":[],"models":[]}', paddingBytes });
    expect(await failureOf(list(format))).toBe("interrupted");
  });

  test("can be cut in the middle", async () => {
    const body = '{"data":[],"models":[]}';
    await control(`lists/${format.name}`, { body, cut: true });
    const { text, broken } = await readBody(await get(format));
    expect([text, broken]).toEqual([body.slice(0, body.length / 2), true]);
    expect(await failureOf(list(format))).toBe("interrupted");
  });

  test("can be held, and released", async () => {
    const hold = `list-${format.name}`;
    await control(`lists/${format.name}`, { body: '{"data":[],"models":[]}', hold });
    let isAnswered = false;
    const listing = list(format).finally(() => (isAnswered = true));
    expect(await control(`holds/${hold}`, undefined, "GET")).toEqual({ status: 200, waiting: 1 });
    expect(isAnswered).toBe(false);
    expect(await control(`release/${hold}`)).toEqual({ status: 200, released: 1 });
    expect(await listing).toEqual([]);
  });

  test("can be held, and broken off before its headers", async () => {
    const hold = `broken-${format.name}`;
    await control(`lists/${format.name}`, { body: "{}", hold });
    const failure = failureOf(list(format));
    await control(`holds/${hold}`, undefined, "GET");
    expect(await control(`break/${hold}`)).toEqual({ status: 200, broken: 1 });
    expect(await failure).toBe("unavailable");
  });

  test("of another provider stays as it is", async () => {
    const others = formats.filter(({ name }) => name !== format.name);
    await control(`lists/${format.name}`, { status: 500 });
    for (const other of others) expect((await get(other)).status).toBe(200);
  });
});

test.each(formats.filter(({ name }) => name !== "openrouter"))(
  "a wrong key of $name sees neither its list nor what was set",
  async (format) => {
    expect(await failureOf(list(format, "sk-invalid-0123456789"))).toBe("credential");
    await control(`lists/${format.name}`, { body: "{}" });
    expect(await failureOf(list(format, "sk-invalid-0123456789"))).toBe("credential");
  },
);

test("OpenRouter's list needs no key, set or not", async () => {
  const url = `${simulator.url}/openrouter/api/v1/models`;
  expect((await fetch(url)).status).toBe(200);
  await control("lists/openrouter", { status: 418 });
  expect((await fetch(url)).status).toBe(418);
});

test("chats are answered as ever while a list fails", async () => {
  await control("lists/openai", { status: 500 });
  const response = await fetch(`${simulator.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-test" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Still there?" }] }),
  });
  expect(response.status).toBe(200);
});

test.each([
  { status: 99 },
  { status: "500" },
  { contentType: "a\nb" },
  { body: {} },
  { paddingBytes: -1 },
  { paddingBytes: 2 ** 31 },
  { cut: 1 },
  { cut: true },
  { hold: "a b" },
  { latency: 5 },
  [],
])("%j is no answer of a list, and changes nothing", async (answer) => {
  await control("lists/openai", { status: 418 });
  expect(await control("lists/openai", answer)).toEqual({ status: 400, error: expect.any(String) });
  const [openai] = formats;
  expect((await get(openai as Format)).status).toBe(418);
});

test("a format that there is not has no list", async () => {
  expect(await control("lists/azure", {})).toMatchObject({ status: 404 });
});
