import { json } from "node:stream/consumers";
import { type LocalServer, startServer } from "./local-server.ts";

/** What a provider is sent, as far as tests look at it. */
export interface ProviderBody {
  model: string;
  messages: { role: string; content: string }[];
  stream?: boolean;
  [option: string]: unknown;
}

/** What a provider answers: the deltas of its stream, or of its one answer, why it ends and what it costs. */
export interface Script {
  deltas: Record<string, string>[];
  finish?: string;
  promptTokens?: number;
  completionTokens?: number;
}

export type ScriptedProvider = LocalServer & {
  /** Everything it was sent. */
  bodies: ProviderBody[];
};

/** Starts a provider with OpenAI's wire format that says exactly what a test wants, such as what the simulator never says. */
export async function startScriptedProvider(
  write: (prompt: string) => Script | Promise<Script>,
): Promise<ScriptedProvider> {
  const bodies: ProviderBody[] = [];
  const server = await startServer(async (request, response) => {
    const body = (await json(request)) as ProviderBody;
    bodies.push(body);
    const {
      deltas,
      finish = "stop",
      promptTokens = 9,
      completionTokens = 9,
    } = await write(body.messages.at(-1)?.content ?? "");
    const usage = { prompt_tokens: promptTokens, completion_tokens: completionTokens };
    if (!body.stream) {
      response.setHeader("content-type", "application/json");
      const message = Object.assign({ role: "assistant" }, ...deltas);
      response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: finish }], usage }));
      return;
    }
    const chunks = [
      ...deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] })),
      { choices: [{ index: 0, delta: {}, finish_reason: finish }] },
      { choices: [], usage },
    ];
    response.setHeader("content-type", "text/event-stream");
    // In one piece: who has read the first chunk has read the last.
    response.end(`${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`);
  });
  return { ...server, bodies };
}
