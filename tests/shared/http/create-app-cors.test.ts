import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { ours, startDemoApp } from "./start-demo-app.ts";

const foreign = "https://evil.example.com";

describe("cross-origin calls", () => {
  const paths = [
    ["an answer", "/demo/well"],
    ["a refusal", "/demo/refused"],
    ["a fault", "/demo/broken"],
    ["no address", "/demo/nothing"],
    ["another function's address", "/other"],
  ] as const;

  test.each(paths)("of our pages may read %s and the headers that help", async (_what, path) => {
    const { headers } = await startDemoApp().call(path, { headers: { origin: ours } });
    expect(headers.get("access-control-allow-origin")).toBe(ours);
    expect(headers.get("vary")).toMatch(/\bOrigin\b/i);
    expect(headers.get("access-control-expose-headers")?.split(",")).toEqual(
      expect.arrayContaining([
        ...["x-request-id", "retry-after", "server-timing", "x-should-retry", "x-sluice-model"],
        ...["x-sluice-provider", "x-sluice-attempts", "x-sluice-credential", "x-sluice-warnings"],
        ...["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        ...["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
      ]),
    );
  });

  test.each(paths)("of a foreign page may not read %s", async (_what, path) => {
    for (const origin of [foreign, "null", `${ours}.evil.com`, ours.replace("https", "http")]) {
      const { headers } = await startDemoApp().call(path, { headers: { origin } });
      expect(headers.get("access-control-allow-origin")).toBeNull();
      // A cache must not hand this answer to a page of ours.
      expect(headers.get("vary")).toMatch(/\bOrigin\b/i);
    }
  });

  test.each(paths)("are not what a caller without a page makes: %s", async (_what, path) => {
    const { headers } = await startDemoApp().call(path);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  test("are open to every page where the operator says so", async () => {
    const { headers } = await startDemoApp(["*"]).call("/demo/well", { headers: { origin: foreign } });
    expect(headers.get("access-control-allow-origin")).toBe(foreign);
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("are open to no page where the operator says nothing", async () => {
    const { headers } = await startDemoApp([]).call("/demo/well", { headers: { origin: ours } });
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  const preflight = (origin: string) => ({
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });

  test("are announced by a preflight, which our pages pass with all that supabase-js sends and what is ours", async () => {
    const { status, headers, text } = await startDemoApp().call("/demo/well", preflight(ours));
    expect(status).toBe(204);
    expect(text).toBe("");
    expect(headers.get("access-control-allow-origin")).toBe(ours);
    expect(headers.get("access-control-allow-methods")?.split(",")).toEqual([
      "GET",
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
    ]);
    expect(headers.get("access-control-allow-headers")?.split(",")).toEqual(
      expect.arrayContaining([
        ...["authorization", "apikey", "content-type", "x-client-info", "x-region"],
        ...["last-event-id", "idempotency-key"],
      ]),
    );
  });

  test("are announced by a preflight, which our pages pass with all that the official openai client sends", async () => {
    const client = new OpenAI({ apiKey: "key", organization: "org", project: "project" });
    const { req } = await client.buildRequest({
      method: "post",
      path: "/chat/completions",
      body: {},
      timeout: 1000,
      __metadata: { helperMethod: "stream" },
    });
    // Browsers send these two without asking.
    const sent = [...new Headers(req.headers).keys()].filter(
      (name) => !["accept", "user-agent"].includes(name),
    );
    expect(sent).toContain("x-stainless-helper-method");
    const { headers } = await startDemoApp().call("/demo/well", preflight(ours));
    expect(headers.get("access-control-allow-headers")?.split(",")).toEqual(expect.arrayContaining(sent));
  });

  test("are announced by a preflight, which a foreign page does not pass", async () => {
    const { headers } = await startDemoApp().call("/demo/well", preflight(foreign));
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});
