import { beforeEach, describe, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createRefusalCheck, type Refusal } from "../../support/expect-refusal.ts";
import type { Caller } from "../../support/people.ts";
import { signUpFor } from "../../support/provider-formats.ts";

const sql = connectDatabase();
const expectRefusal = createRefusalCheck(sql);
// Their counters stay untouched: what a test has them send is refused.
let caller: Caller;

beforeEach(async () => {
  caller = await signUpFor(sql, "openai");
});

type Case = [what: string, body: Record<string, unknown>, refusal: Refusal];
const user = { role: "user", content: "Hello" };
const ask = (options: Record<string, unknown>) => ({ message: "Hello", options });
const tool = (more: Record<string, unknown> = {}) => ({ name: "look", ...more });
const object = (more: Record<string, unknown> = {}) => ({ type: "object", ...more });

describe("a choice or a form of the answer that cannot be is refused, and named", () => {
  const format = (responseFormat: unknown) => ask({ responseFormat });
  test.each<Case>([
    [
      "a tool that must be called, without tools",
      ask({ toolChoice: "required" }),
      { param: "options.toolChoice", says: /needs options\.tools/ },
    ],
    [
      "a tool that is not declared",
      ask({ tools: [tool()], toolChoice: { name: "wait" } }),
      { param: "options.toolChoice", says: /none of options\.tools/ },
    ],
    [
      "an unknown choice",
      ask({ tools: [tool()], toolChoice: "any" }),
      { param: "options.toolChoice", says: /auto.*none.*required/ },
    ],
    [
      "an unknown form",
      format({ type: "xml" }),
      { param: "options.responseFormat.type", says: /json_object.*json_schema/ },
    ],
    ["a form in one word", format("json"), { param: "options.responseFormat", says: /object/ }],
    [
      "a schema without a name",
      format({ type: "json_schema", schema: object() }),
      { param: "options.responseFormat.name", says: /name/ },
    ],
    [
      "a schema that is none",
      format({ type: "json_schema", name: "x", schema: [] }),
      { param: "options.responseFormat.schema", says: /schema/ },
    ],
    [
      "a schema of a list",
      format({ type: "json_schema", name: "x", schema: { type: "array" } }),
      { param: "options.responseFormat.schema", says: /must have the type "object"/ },
    ],
    [
      "an unknown effort",
      ask({ reasoningEffort: "extreme" }),
      { param: "options.reasoningEffort", says: /low.*medium.*high/ },
    ],
    ["five stops", ask({ stop: Array(5).fill("x") }), { param: "options.stop", says: /4/ }],
    ["a long stop", ask({ stop: "x".repeat(101) }), { param: "options.stop", says: /100/ }],
    ["a stop that is a number", ask({ stop: 7 }), { param: "options.stop", says: /must be a text/ }],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(caller, body, refusal);
  });
});

describe("content that cannot be is refused, and named", () => {
  const says = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });
  const image = (url: unknown) => says({ type: "image", url });
  const url: Refusal = {
    param: "messages.0.content.0.url",
    says: /https address nor a base64 data: URL of a PNG, JPEG, GIF or WebP/,
  };
  test.each<Case>([
    ["no pieces", says(), { param: "messages.0.content", says: /at least|>=1|empty/ }],
    [
      "an empty text",
      says({ type: "text", text: "" }),
      { param: "messages.0.content.0.text", says: /is empty/ },
    ],
    [
      "an unknown piece",
      says({ type: "audio", url: "x" }),
      { param: "messages.0.content.0.type", says: /text.*image/ },
    ],
    [
      "OpenAI's piece",
      says({ type: "image_url", image_url: { url: "x" } }),
      { param: "messages.0.content.0.type", says: /text.*image/ },
    ],
    ["an image over http", image("http://a.example/x.png"), url],
    ["an image of a disk", image("file:///etc/passwd"), url],
    ["a script", image("javascript:alert(1)"), url],
    ["an address that is none", image("https://"), url],
    ["a long address", image(`https://a.example/${"x".repeat(2048)}`), url],
    ["a picture that is drawn", image("data:image/svg+xml;base64,PHN2Zy8+"), url],
    ["a page", image("data:text/html;base64,PGI+"), url],
    ["an image that is not base64", image("data:image/png;base64,***"), url],
    ["an empty image", image("data:image/png;base64,"), url],
    [
      "an image said by the system",
      { messages: [{ role: "system", content: [{ type: "image", url: "x" }] }, user] },
      { param: "messages.0.content", says: /must be a text/ },
    ],
    [
      "an assistant that says nothing",
      { messages: [{ role: "assistant", content: "" }, user] },
      { param: "messages.0.content", says: /is empty/ },
    ],
    [
      "an unknown role",
      { messages: [{ role: "developer", content: "x" }, user] },
      { param: "messages.0.role", says: /system.*user.*assistant.*tool/ },
    ],
    [
      "a last word of the assistant's",
      { messages: [user, { role: "assistant", content: "x" }] },
      { param: "messages", says: /role user or tool/ },
    ],
    [
      "calls in a user's message",
      { messages: [{ ...user, toolCalls: [] }] },
      { param: "messages.0.toolCalls", says: /remove it/ },
    ],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(caller, body, refusal);
  });
});
