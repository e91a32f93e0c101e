import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI, providerRequest, readWholeAnswer, testCredential } from "./ask-provider.ts";
import { wireChunk, wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

interface SentRequest {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}

/** What the adapter sends for a request. */
async function send(given: Partial<ProviderRequest>): Promise<SentRequest> {
  let sent: SentRequest | undefined;
  const answer = { texts: [{ content: "Because" }] };
  const url = await startServer(async (request, response) => {
    const { method, url, headers } = request;
    sent = { method, url, headers, body: (await json(request)) as Record<string, unknown> };
    response.end(sent.body.stream ? wireStream(wireChunks(answer)) : wireCompletion(answer));
  });
  await askOpenAI(`${url}/v1`, given);
  return sent as SentRequest;
}

describe("what is sent is what was held, and no more:", () => {
  const messages = [
    { role: "system" as const, content: "Answer in one word." },
    { role: "user" as const, content: "Why?" },
    { role: "assistant" as const, content: "Light." },
    { role: "user" as const, content: "Grüße, 世界" },
  ];

  test("a stream", async () => {
    const { method, url, body } = await send({ messages, maxOutputTokens: 321, stream: true });
    expect({ method, url }).toEqual({ method: "POST", url: "/v1/chat/completions" });
    expect(body).toEqual({
      model: "gpt-4o-mini",
      messages,
      max_completion_tokens: 321,
      service_tier: "default",
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    });
  });

  test("one piece", async () => {
    const { body } = await send({ messages, maxOutputTokens: 321, stream: false });
    expect(body).toEqual({
      model: "gpt-4o-mini",
      messages,
      max_completion_tokens: 321,
      service_tier: "default",
    });
  });

  test("all options", async () => {
    const options = { temperature: 0, topP: 0.5, stop: ["\n", "END"], seed: 0 };
    const { body } = await send({ options, stream: false });
    expect(body).toMatchObject({ temperature: 0, top_p: 0.5, stop: ["\n", "END"], seed: 0 });
  });

  test.each([
    [{ temperature: 1.5 }, { temperature: 1.5 }],
    [{ topP: 0 }, { top_p: 0 }],
    [{ stop: ["END"] }, { stop: ["END"] }],
    [{ seed: -7 }, { seed: -7 }],
    [{ reasoningEffort: "minimal" as const }, { reasoning_effort: "minimal" }],
    [{ responseFormat: { type: "json_object" as const } }, { response_format: { type: "json_object" } }],
    // OpenAI refuses both without tools.
    [{ toolChoice: "none" as const, parallelToolCalls: false }, {}],
  ])("only the option that was given: %j", async (options, sent) => {
    const { body } = await send({ options, stream: false });
    const { model, messages, max_completion_tokens, service_tier, ...rest } = body;
    expect(rest).toEqual(sent);
  });

  test("the key of the credential, as a bearer token and nowhere else", async () => {
    const key = "sk-proj-Canary_0123456789";
    const { headers, url, body } = await send({ credential: testCredential(key) });
    expect(headers.authorization).toBe(`Bearer ${key}`);
    const elsewhere = { ...headers, authorization: undefined, url, body };
    expect(JSON.stringify(elsewhere)).not.toContain("Canary");
  });
});

test("a redirect is not followed: it would carry the key elsewhere", async () => {
  let calls = 0;
  const elsewhere = await startServer((_request, response) => {
    calls++;
    response.end();
  });
  const url = await startServer((request, response) => {
    request.resume();
    response.writeHead(307, { location: elsewhere }).end();
  });
  await expect(askOpenAI(url)).rejects.toMatchObject({ failure: "unavailable" });
  expect(calls).toBe(0);
});

test("two chats with one key send the same headers: none that a provider could take for one chat sent twice", async () => {
  const seen: IncomingMessage["headers"][] = [];
  const url = await startServer((request, response) => {
    const { "content-length": _, ...headers } = request.headers;
    seen.push(headers);
    request.resume();
    response.end(wireStream(wireChunks({ texts: [] })));
  });
  const provider = createOpenAIProvider({ baseUrl: url, fetch });
  const { credential } = providerRequest();
  for (const content of ["one", "two"])
    await readWholeAnswer(
      provider.chat(providerRequest({ credential, messages: [{ role: "user", content }] })),
    );
  expect(seen[1]).toEqual(seen[0]);
  expect(Object.keys(seen[0] ?? {}).filter((name) => /idempotency|request-id/.test(name))).toEqual([]);
});

test("each credential sends its own key, however often they take turns", async () => {
  const seen: (string | undefined)[] = [];
  const url = await startServer((request, response) => {
    seen.push(request.headers.authorization);
    request.resume();
    response.end(wireStream(wireChunks({ texts: [] })));
  });
  const provider = createOpenAIProvider({ baseUrl: url, fetch });
  const [one, two] = [testCredential("sk-one"), testCredential("sk-two")];
  for (const credential of [one, two, one, two])
    await readWholeAnswer(provider.chat(providerRequest({ credential })));
  expect(seen).toEqual(["Bearer sk-one", "Bearer sk-two", "Bearer sk-one", "Bearer sk-two"]);
});

describe("an aborted call ends at once and closes its connection,", () => {
  test("before the answer has begun", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
    const url = await startServer((request) => arrive(request));
    const controller = new AbortController();
    const answer = askOpenAI(url, { signal: controller.signal });
    const request = await arrived;
    const closed = once(request.socket, "close");
    controller.abort(new Error("too late"));
    await expect(answer).rejects.toThrow();
    await closed;
  });

  test("in the middle of a stream", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
    const url = await startServer((request, response) => {
      response.write(`data: ${wireChunk({ content: "Because" })}\n\n`);
      arrive(request);
    });
    const controller = new AbortController();
    const provider = createOpenAIProvider({ baseUrl: url, fetch });
    const reads = provider.chat(providerRequest({ signal: controller.signal }))[Symbol.asyncIterator]();
    await reads.next();
    const closed = once((await arrived).socket, "close");
    const next = reads.next();
    controller.abort(new Error("too late"));
    await expect(next).rejects.toThrow();
    await closed;
  });

  test("before it was sent: then it is not sent at all", async () => {
    let calls = 0;
    const url = await startServer((_request, response) => {
      calls++;
      response.end();
    });
    await expect(askOpenAI(url, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(calls).toBe(0);
  });

  test("when the consumer stops reading", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>();
    const url = await startServer((request, response) => {
      response.write(`data: ${wireChunk({ content: "Because" })}\n\n`);
      arrive(request);
    });
    const reads = createOpenAIProvider({ baseUrl: url, fetch }).chat(providerRequest());
    for await (const _ of reads) break;
    const { socket } = await arrived;
    if (!socket.closed) await once(socket, "close");
  });
});
