import type { Call, CallRecord } from "../call-record.ts";
import { InvalidRequest } from "../invalid-request.ts";
import { parseObject } from "../is-object.ts";
import { readChat } from "../openai/read-chat.ts";
import { inUsd } from "../price-list.ts";
import { readBearer } from "../read-bearer.ts";
import type { Answer, WireFormat } from "../wire-format.ts";
import { openrouterError, refuseOpenrouter } from "./errors.ts";
import { listModels } from "./models.ts";
import { writeOpenrouterReply } from "./write-reply.ts";

/** OpenRouter's chat completions, and what it tells of a call afterwards. */
export function createOpenrouter(calls: CallRecord): WireFormat {
  return {
    name: "openrouter",
    basePath: "/openrouter/api/v1",
    idPrefix: "gen-",
    readKey: readBearer,
    authorize({ method, path, headers }) {
      const key = readBearer(headers);
      // Everybody may read the catalogue.
      if (`${method} ${path}` === "GET /models") return null;
      if (key === "") return openrouterError(401, "No cookie auth credentials found");
      return key.startsWith("sk-invalid") ? openrouterError(401, "User not found.") : null;
    },
    read({ method, path, query, body }) {
      const asked = `${method} ${path}`;
      if (asked === "GET /models") return answer(listModels());
      if (asked === "GET /key")
        return answer({ data: { label: "sk-or-v1-sim...lator", usage: 0, limit: null } });
      if (asked === "GET /generation") return answerGeneration(query.get("id") ?? "");
      if (asked !== "POST /chat/completions") return openrouterError(404, "Not Found");
      try {
        const request = parseObject(body);
        if (request === null) throw new InvalidRequest("Invalid JSON in the request body");
        const { model } = request;
        if (typeof model !== "string" || model === "" || model.startsWith(";"))
          throw new InvalidRequest("No models provided");
        const chat = readChat(request, model, false);
        return { ...chat, write: (id, name, reply) => writeOpenrouterReply(id, name, reply, request) };
      } catch (error) {
        if (!(error instanceof InvalidRequest)) throw error;
        return openrouterError(400, error.message, { error_type: error.code ?? "invalid_request" });
      }
    },
    refuse: refuseOpenrouter,
    refuseCommands: (message) => openrouterError(400, message, { error_type: "invalid_command" }),
  };

  function answerGeneration(id: string): Answer {
    const call = calls.get(id);
    // OpenRouter, too, knows a call only once it has ended and is billed.
    if (call?.usage == null || call.format !== "openrouter")
      return openrouterError(404, `Generation ${id} not found`);
    return answer({ data: describeCall(call, call.usage) });
  }
}

function answer(value: unknown): Answer {
  const body = JSON.stringify(value);
  return { status: 200, headers: ["content-type", "application/json"], body };
}

function describeCall(call: Call, usage: NonNullable<Call["usage"]>) {
  const cost = inUsd(call.billNano);
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  return {
    id: call.id,
    model: call.model.split(";", 1)[0],
    provider_name: "OpenAI",
    api_type: "completions",
    ...{
      created_at: call.startedAt,
      streamed: call.stream,
      cancelled: call.state === "aborted",
      is_byok: false,
    },
    total_cost: cost,
    usage: cost,
    upstream_inference_cost: null,
    cache_discount: null,
    tokens_prompt: prompt,
    tokens_completion: usage.outputTokens,
    native_tokens_prompt: prompt,
    native_tokens_completion: usage.outputTokens,
    native_tokens_reasoning: usage.reasoningTokens,
    native_tokens_cached: usage.cacheReadTokens,
    finish_reason: call.state === "completed" ? "stop" : null,
  };
}
