import { describe, expect, test } from "vitest";
import { canary, startDemoApp } from "./start-demo-app.ts";

const errorOf = ({ text }: { text: string }) => JSON.parse(text).error;

describe("an error has one shape, whatever it is:", () => {
  test.each([
    ["an address that nothing is at", "/demo/nothing", 404, "not_found", "not_found_error"],
    ["an address outside of the function", "/other/well", 404, "not_found", "not_found_error"],
    ["the root", "/", 404, "not_found", "not_found_error"],
    ["a refusal of ours", "/demo/refused", 429, "rate_limited", "rate_limit_error"],
    ["a fault of ours", "/demo/broken", 500, "internal_error", "server_error"],
  ])("%s", async (_what, path, status, code, type) => {
    const answer = await startDemoApp().call(path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(errorOf(answer)).toMatchObject({ message: expect.stringMatching(/\.$/), type, param: null, code });
  });

  test("a refusal carries its wait and its details", async () => {
    const answer = await startDemoApp().call("/demo/refused");
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(errorOf(answer).limit).toEqual({ unit: "requests" });
  });

  test("a fault of ours says nothing of itself to the caller", async () => {
    const { text, headers } = await startDemoApp().call("/demo/broken");
    expect(text).not.toMatch(/postgres|Canary|stack|at /);
    expect(headers.get("retry-after")).toBeNull();
  });
});

describe("a method that an address does not take", () => {
  test.each(["PUT", "PATCH", "DELETE"])("%s is refused, with those that it does take", async (method) => {
    const answer = await startDemoApp().call("/demo/well", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, POST");
    expect(errorOf(answer)).toMatchObject({
      code: "method_not_allowed",
      message: "This address takes GET, POST only.",
    });
  });

  test("is not what it does take, with or without a slash at the end", async () => {
    const { call } = startDemoApp();
    expect((await call("/demo/well")).status).toBe(200);
    expect((await call("/demo/well/")).status).toBe(200);
    expect((await call("/demo/well", { method: "POST", body: "{}" })).status).toBe(200);
  });
});

describe("a request leaves one line", () => {
  test("that is found by the id that its caller was given", async () => {
    const { call, lines } = startDemoApp();
    for (const path of ["/demo/well", "/demo/refused", "/demo/broken", "/demo/nothing"]) {
      const { headers, status, log } = await call(path);
      expect(JSON.parse(log)).toMatchObject({
        event: "request",
        requestId: headers.get("x-request-id"),
        method: "GET",
        path,
        status,
        timesMs: { total: expect.any(Number) },
      });
    }
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => JSON.parse(line).requestId)).size).toBe(4);
  });

  test("with the code and the cause of an error, down to its origin, without keys", async () => {
    const { log } = await startDemoApp().call("/demo/refused");
    expect(JSON.parse(log)).toMatchObject({
      code: "rate_limited",
      cause: "Error: 401 Incorrect API key provided: [redacted] ← Error: connect",
    });
    const broken = (await startDemoApp().call("/demo/broken")).log;
    expect(JSON.parse(broken)).toMatchObject({
      code: "internal_error",
      cause: expect.stringContaining("postgres"),
    });
    expect(broken).not.toContain("Canary");
  });

  test("without what the request said: no body, no query, no headers", async () => {
    const { log } = await startDemoApp().call(`/demo/well?apikey=${canary}`, {
      method: "POST",
      headers: { authorization: `Bearer ${canary}` },
      body: JSON.stringify({ message: `My secret: ${canary}` }),
    });
    expect(log).not.toContain("Canary");
    expect(JSON.parse(log)).toEqual({
      event: "request",
      requestId: "request-1",
      method: "POST",
      path: "/demo/well",
      userId: "user-1",
      status: 200,
      timesMs: { auth: 2.5, total: 5 },
    });
  });

  test("that a route may put off until its work is over", async () => {
    const { call, lines } = startDemoApp();
    const { headers } = await call("/demo/later");
    expect(headers.get("x-request-id")).toBe("request-1");
    expect(lines).toEqual([]);
  });
});
