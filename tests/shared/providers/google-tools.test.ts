import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { startServer } from "../start-server.ts";
import { askGoogle, said, sendMessages, user, wireAnswer } from "./google-wire.ts";

const weather = (id: string, city: string) => ({ id, name: "weather", arguments: JSON.stringify({ city }) });
const result = (toolCallId: string, content: string): ChatMessage => ({ role: "tool", toolCallId, content });

describe("tool calls go back with their results:", () => {
  const history: ChatMessage[] = [
    user("Compare."),
    { role: "assistant", content: "", toolCalls: [weather("call_1", "Köln"), weather("call_2", "Rom")] },
    // In the order in which the app had them ready.
    result("call_2", '{"celsius":30}'),
    result("call_1", "cold"),
    user("And now?"),
  ];

  test("in the order of the calls, by name, an object as it is and a text as output", async () => {
    const { contents } = await sendMessages(history);
    expect(contents).toEqual([
      said("user", "Compare."),
      {
        role: "model",
        parts: [
          { functionCall: { name: "weather", args: { city: "Köln" } } },
          { functionCall: { name: "weather", args: { city: "Rom" } } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { name: "weather", response: { output: "cold" } } },
          { functionResponse: { name: "weather", response: { celsius: 30 } } },
        ],
      },
      said("user", "And now?"),
    ]);
  });

  test.each([
    "gemini-3-flash-preview",
    "gemini-4-argon",
    "gemini-flash-latest",
    "models/gemini-3.1-pro-preview",
  ])("with ids, and a stand-in for a signature that the first call has not, to %s", async (model) => {
    const { contents } = await sendMessages(history, model);
    expect((contents as unknown[]).slice(1, 3)).toEqual([
      {
        role: "model",
        parts: [
          {
            functionCall: { id: "call_1", name: "weather", args: { city: "Köln" } },
            thoughtSignature: "skip_thought_signature_validator",
          },
          { functionCall: { id: "call_2", name: "weather", args: { city: "Rom" } } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "call_1", name: "weather", response: { output: "cold" } } },
          { functionResponse: { id: "call_2", name: "weather", response: { celsius: 30 } } },
        ],
      },
    ]);
  });

  test("by the name of the latest call, where an id is used again", async () => {
    const { contents } = await sendMessages([
      user("a"),
      { role: "assistant", content: "", toolCalls: [weather("call_0", "Rom")] },
      result("call_0", "hot"),
      { role: "assistant", content: "Hot.", toolCalls: [{ id: "call_0", name: "time", arguments: "{}" }] },
      result("call_0", "noon"),
    ]);
    expect((contents as unknown[]).slice(3)).toEqual([
      { role: "model", parts: [{ text: "Hot." }, { functionCall: { name: "time", args: {} } }] },
      { role: "user", parts: [{ functionResponse: { name: "time", response: { output: "noon" } } }] },
    ]);
  });

  test("a result whose call was cut off the history is said as text", async () => {
    expect((await sendMessages([result("call_9", "cold"), user("So?")])).contents).toEqual([
      said("user", "cold"),
      said("user", "So?"),
    ]);
  });

  test("a call whose arguments another model garbled has none", async () => {
    const call = { id: "call_1", name: "weather", arguments: '{"city":' };
    const { contents } = await sendMessages([
      user("a"),
      { role: "assistant", content: "", toolCalls: [call] },
      result("call_1", "cold"),
    ]);
    expect(contents).toMatchObject([{}, { parts: [{ functionCall: { name: "weather", args: {} } }] }, {}]);
  });
});

describe("the signatures of an answer", () => {
  const upstreamModel = "gemini-3-flash-preview";
  const call = (city: string, more = {}) => ({ functionCall: { name: "weather", args: { city } }, ...more });

  /** The signatures that a request carries, whose history has this continuation. */
  async function signaturesWith(continuation: string | undefined): Promise<unknown[]> {
    const { contents } = await sendMessages(
      [
        user("Compare."),
        {
          role: "assistant",
          content: "",
          toolCalls: [weather("a", "Köln"), weather("b", "Rom")],
          ...(continuation === undefined ? {} : { continuation }),
        },
        result("a", "cold"),
        result("b", "hot"),
      ],
      upstreamModel,
    );
    const parts = (contents as { parts: { thoughtSignature?: string }[] }[])[1]?.parts ?? [];
    return parts.map(({ thoughtSignature }) => thoughtSignature);
  }

  test("come back with its calls", async () => {
    const parts = [
      call("Köln", { thoughtSignature: "Zmly+/c3Q=" }),
      call("Rom", { thoughtSignature: "c2Vjb25k" }),
    ];
    const url = await startServer((request, response) => {
      request.resume();
      response.end(wireAnswer(parts, "STOP"));
    });
    const { finish } = await askGoogle(url, { upstreamModel, stream: false });
    expect(await signaturesWith(finish.continuation)).toEqual(["Zmly+/c3Q=", "c2Vjb25k"]);
  });

  const own = { provider: "google", model: upstreamModel, signatures: ["Zmlyc3Q="] };
  test.each([
    ["of another model", JSON.stringify({ ...own, model: "gemini-3.8-flash" })],
    ["of another provider", JSON.stringify({ ...own, provider: "anthropic" })],
    ["without signatures", JSON.stringify({ ...own, signatures: null })],
    ["with what is no signature", JSON.stringify({ ...own, signatures: ["<script>"] })],
    ["with numbers", JSON.stringify({ ...own, signatures: [1] })],
    ["that is no object", '["google"]'],
    ["that is no JSON", "{google"],
  ])("are ignored in a continuation %s", async (_what, continuation) => {
    expect(await signaturesWith(continuation)).toEqual(["skip_thought_signature_validator", undefined]);
  });

  test("that are too long to be sent back by a client are left out", async () => {
    const url = await startServer((request, response) => {
      request.resume();
      response.end(wireAnswer([call("Köln", { thoughtSignature: "A".repeat(262_145) })], "STOP"));
    });
    const { toolCalls, finish } = await askGoogle(url, { upstreamModel, stream: false });
    expect(toolCalls).toHaveLength(1);
    expect(finish.continuation).toBeUndefined();
  });
});
