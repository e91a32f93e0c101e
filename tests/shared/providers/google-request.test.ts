import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { ProviderError } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { readWholeAnswer, testCredential } from "./ask-provider.ts";
import {
  askGoogle,
  googleRequest,
  said,
  send,
  sendMessages,
  user,
  wireAnswer,
  wireStream,
} from "./google-wire.ts";

const answer = wireAnswer([{ text: "Because" }], "STOP");

describe("what is sent is what was held, and no more:", () => {
  const messages: ChatMessage[] = [
    { role: "system", content: "Answer in one word." },
    user("Why?"),
    { role: "assistant", content: "Light." },
    user("Grüße, 世界"),
  ];
  const body = {
    contents: [said("user", "Why?"), said("model", "Light."), said("user", "Grüße, 世界")],
    systemInstruction: { parts: [{ text: "Answer in one word." }] },
    generationConfig: { maxOutputTokens: 321 },
  };

  test("a stream", async () => {
    const sent = await send({ messages, maxOutputTokens: 321, stream: true });
    expect([sent.method, sent.url]).toEqual([
      "POST",
      "/google/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse",
    ]);
    expect(sent.body).toEqual(body);
  });

  test("one piece", async () => {
    const sent = await send({ messages, maxOutputTokens: 321, stream: false });
    expect(sent.url).toBe("/google/v1beta/models/gemini-3-flash-preview:generateContent");
    expect(sent.body).toEqual(body);
  });

  test("the key of the credential, in its header and nowhere else", async () => {
    const key = "AIzaCanary0123456789";
    const { headers, url, body } = await send({ credential: testCredential(key) });
    expect(headers["x-goog-api-key"]).toBe(key);
    const elsewhere = { ...headers, "x-goog-api-key": undefined, url, body };
    expect(JSON.stringify(elsewhere)).not.toContain("Canary");
  });
});

describe("a conversation keeps its order and its roles:", () => {
  test("several system messages, also in the middle, become the instruction", async () => {
    const { contents, systemInstruction } = await sendMessages([
      { role: "system", content: "One." },
      { role: "system", content: "Two." },
      user("a"),
      { role: "system", content: "Three." },
      user("b"),
    ]);
    expect(systemInstruction).toEqual({ parts: [{ text: "One." }, { text: "Two." }, { text: "Three." }] });
    expect(contents).toEqual([said("user", "a", "b")]);
  });

  test("one that the assistant begins", async () => {
    const { contents } = await sendMessages([{ role: "assistant", content: "Hello." }, user("Hi")]);
    expect(contents).toEqual([said("user", "Begin."), said("model", "Hello."), said("user", "Hi")]);
  });

  test("images, as data and as addresses", async () => {
    const urls = [
      "data:image/png;base64,iVBORw0KGgo=",
      "https://images.example.com/a.WEBP?size=1",
      "https://images.example.com/photo",
    ];
    const content = [
      { type: "text" as const, text: "What?" },
      ...urls.map((url) => ({ type: "image" as const, url })),
    ];
    const { contents } = await sendMessages([{ role: "user", content }]);
    const parts = [
      { text: "What?" },
      { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } },
      { fileData: { mimeType: "image/webp", fileUri: urls[1] } },
      { fileData: { mimeType: "image/jpeg", fileUri: urls[2] } },
    ];
    expect(contents).toEqual([{ role: "user", parts }]);
  });
});

describe("what Gemini cannot do is known before the call:", () => {
  const provider = createGoogleProvider({ baseUrl: "https://provider.test", fetch });
  const find = (given: Parameters<typeof googleRequest>[0]) => provider.findLimitations(googleRequest(given));
  const image = (url: string): ChatMessage => ({ role: "user", content: [{ type: "image", url }] });
  const responseFormat = { type: "json_object" as const };
  const tools = [{ name: "now" }];

  test("nothing, as a rule", () => {
    const options = { temperature: 1, seed: 1, parallelToolCalls: true, reasoningEffort: "low" as const };
    const messages = [image("data:image/webp;base64,UklGRg==")];
    expect(find({ messages, options })).toEqual({ dropped: [], refused: null });
  });

  test("one tool at a time", () => {
    expect(find({ options: { parallelToolCalls: false } })).toEqual({
      dropped: ["parallelToolCalls"],
      refused: null,
    });
  });

  test.each([
    ["gemini-2.5-flash", "high", []],
    ["gemini-2.0-flash", "high", ["reasoningEffort"]],
    ["gemini-2.0-flash", "none", []],
  ] as const)("for %s, the effort %s", (upstreamModel, reasoningEffort, dropped) => {
    expect(find({ upstreamModel, options: { reasoningEffort } })).toEqual({ dropped, refused: null });
  });

  test.each(["data:image/gif;base64,R0lGODlh", "https://images.example.com/a.gif?b=c.png"])(
    "a GIF: %s",
    (url) => {
      const { refused, remedy } = find({ messages: [image(url)] });
      expect([refused, remedy]).toEqual(["messages", expect.stringMatching(/^messages: .*GIF.*PNG/)]);
    },
  );

  test.each([
    ["gemini-2.5-flash", { responseFormat, tools }, "options.responseFormat"],
    ["gemini-2.5-flash", { responseFormat }, null],
    ["gemini-2.5-flash", { tools }, null],
    ["gemini-3.8-flash", { responseFormat, tools }, null],
  ])("JSON together with tools, for %s %j", (upstreamModel, options, refused) => {
    expect(find({ upstreamModel, options }).refused).toBe(refused);
  });
});

test("each credential sends its own key to each model, however often they take turns", async () => {
  const seen: unknown[] = [];
  const baseUrl = await startServer((request, response) => {
    seen.push([request.headers["x-goog-api-key"], request.url?.replace(/.*\/models\//, "")]);
    request.resume();
    response.end(request.url?.includes("stream") ? wireStream([answer]) : answer);
  });
  const provider = createGoogleProvider({ baseUrl, fetch });
  const [one, two] = [testCredential("AIza-one"), testCredential("AIza-two")] as const;
  for (const [credential, upstreamModel, stream] of [
    [one, "a", false],
    [two, "a", false],
    [one, "b", false],
    [one, "a", true],
    [one, "a", false],
  ] as const)
    await readWholeAnswer(provider.chat(googleRequest({ credential, upstreamModel, stream })));
  expect(seen).toEqual([
    ["AIza-one", "a:generateContent"],
    ["AIza-two", "a:generateContent"],
    ["AIza-one", "b:generateContent"],
    ["AIza-one", "a:streamGenerateContent?alt=sse"],
    ["AIza-one", "a:generateContent"],
  ]);
});

test("a chat is one request: preparing it sends nothing", async () => {
  let calls = 0;
  const url = await startServer((request, response) => {
    calls++;
    request.resume();
    response.end(wireStream([answer]));
  });
  await askGoogle(url);
  expect(calls).toBe(1);
});

test("a redirect is not followed: it would carry the key elsewhere", async () => {
  let calls = 0;
  const elsewhere = await startServer((_request, response) => {
    calls++;
    response.end(wireStream([answer]));
  });
  const url = await startServer((request, response) => {
    request.resume();
    response.writeHead(307, { location: elsewhere }).end();
  });
  await expect(askGoogle(url)).rejects.toMatchObject({ failure: "unavailable" });
  expect(calls).toBe(0);
});

test.each(["../secrets", "gemini?key=x"])("the model's name %s reaches no server", async (upstreamModel) => {
  let calls = 0;
  const url = await startServer((_request, response) => {
    calls++;
    response.end();
  });
  const thrown = await askGoogle(url, { upstreamModel }).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ProviderError);
  expect(thrown).toMatchObject({ failure: "permission" });
  expect(calls).toBe(0);
});

describe("an aborted call ends at once and closes its connection,", () => {
  test("before the answer has begun", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
    const url = await startServer((request) => arrive(request));
    const controller = new AbortController();
    const asked = askGoogle(url, { signal: controller.signal });
    const closed = once((await arrived).socket, "close");
    controller.abort(new Error("too late"));
    await expect(asked).rejects.toThrow();
    await closed;
  });

  test("in the middle of a stream, or when the consumer stops reading", async () => {
    for (const end of ["abort", "return"] as const) {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
      const url = await startServer((request, response) => {
        response.write(wireStream([wireAnswer([{ text: "Because" }])]));
        arrive(request);
      });
      const controller = new AbortController();
      const provider = createGoogleProvider({ baseUrl: url, fetch });
      const reads = provider.chat(googleRequest({ signal: controller.signal }))[Symbol.asyncIterator]();
      await reads.next();
      const closed = once((await arrived).socket, "close");
      if (end === "abort") {
        controller.abort(new Error("too late"));
        await expect(reads.next()).rejects.toThrow();
      } else await reads.return?.();
      await closed;
    }
  });

  test("before it was sent: then it is not sent at all", async () => {
    let calls = 0;
    const url = await startServer((_request, response) => {
      calls++;
      response.end();
    });
    await expect(askGoogle(url, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(calls).toBe(0);
  });
});
