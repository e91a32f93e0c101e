import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const ours = "https://app.example";
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction({ ALLOWED_ORIGINS: `https://other.example, ${ours}` });
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

function ask(origin: string): Promise<Response> {
  return chats.send("/conversations/1", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization,content-type",
    },
  });
}

describe("a page of an allowed origin", () => {
  test("learns that it may call, with which methods and headers, and for how long", async () => {
    const { status, headers } = await ask(ours);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(ours);
    expect(headers.get("access-control-allow-methods")?.split(",")).toEqual([
      "GET",
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
    ]);
    const allowed = headers.get("access-control-allow-headers")?.split(",");
    expect(allowed).toEqual(
      expect.arrayContaining(["authorization", "apikey", "content-type", "x-client-info"]),
    );
    expect(headers.get("access-control-max-age")).toBe("3600");
    expect(headers.get("vary")).toMatch(/origin/i);
  });

  test("may read answers, streams and errors, and our headers on them", async () => {
    const caller = await signUpCaller(sql);
    const call = (body: unknown, token = caller.token) =>
      chats.send("", { token, method: "POST", body: JSON.stringify(body), headers: { origin: ours } });
    const answers = [
      await call({ message: "Hello" }),
      await call({ message: "Hello", stream: true }),
      await call({ message: "" }),
      await call({ message: "Hello" }, "none"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 401]);
    for (const { headers, body } of answers) {
      await body?.cancel();
      expect(headers.get("access-control-allow-origin")).toBe(ours);
      expect(headers.get("access-control-expose-headers")?.split(",")).toEqual(
        expect.arrayContaining(["x-request-id", "retry-after", "server-timing"]),
      );
      expect(headers.get("vary")).toMatch(/origin/i);
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

test.each(["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"])(
  "a page of another origin, %s, learns that it may not",
  async (origin) => {
    const preflight = await ask(origin);
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    expect(preflight.headers.get("vary")).toMatch(/origin/i);
    const { token } = await signUpCaller(sql);
    const answer = await chats.send("/conversations", { token, headers: { origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  },
);

test("without a list no origin is allowed", async () => {
  const { headers } = await createChatClient().send("", { method: "OPTIONS", headers: { origin: ours } });
  expect(headers.get("access-control-allow-origin")).toBeNull();
});
