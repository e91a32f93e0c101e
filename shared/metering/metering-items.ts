import { toReplyItem } from "../database/replies.ts";
import { readUsageRow, type UsageRow } from "../database/usage-row.ts";
import type { ByokPermission } from "../domain/caller.ts";
import { type ChatMessage, type ContentPart, type ToolCall, textOf } from "../domain/chat-message.ts";
import { type LimitRow, readLimitRow } from "./limit-row.ts";
import type { BeginRequest, Charge, HealthReport, Hold, Settlement, SettleRequest } from "./metering.ts";
import type { Refusal } from "./refusal.ts";

// What `begin_chats` and `settle_chats` are given and answer, in SQL's spelling.

export type BeginAnswer = { hold_id: string } & (
  | Refusal
  | { replay_of: string; user_id: string }
  | ({ refusal?: undefined } & HoldAnswer)
);

interface HoldAnswer {
  user_id: string;
  model_id: string;
  routes: {
    id: number;
    price_id: number;
    provider: string;
    upstream_model: string;
    rank: number;
    weight: number;
    context_tokens: number;
  }[];
  keys: { id: string; provider: string; sealed_key: string; weight: number; use_count: number }[] | null;
  own_keys: { id: string; provider: string; sealed_key: string; base_url: string | null }[] | null;
  may_fall_back: boolean;
  cooling_keys: { id: string; wait_ms: number | null }[] | null;
  outages: { route_id: number; state: Exclude<Hold["routes"][number]["outage"], "none"> }[] | null;
  max_output_tokens: number;
  supported_parameters: string[];
  first_token_ms: number | null;
  unavailable_default_model: string | null;
  temperature: number | null;
  system_prompt: string | null;
  limits: LimitRow[];
  history: MessageAnswer[];
}

interface MessageAnswer {
  role: ChatMessage["role"];
  content: string;
  parts?: ContentPart[];
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  continuation?: string;
}

export interface SettleAnswer {
  hold_id: string;
  is_known: boolean;
  is_stored: boolean;
  usage: UsageRow;
  cost_nano: number;
  estimated: boolean;
  limits: LimitRow[];
}

export function toBeginItem(request: BeginRequest, byok: ByokPermission | null) {
  const { prompt, caller } = request;
  return {
    hold_id: request.holdId,
    ...(caller.apiKeyDigest === undefined
      ? { user_id: caller.userId }
      : { api_key_digest: caller.apiKeyDigest }),
    byok,
    falls_back: request.fallsBack,
    model_id: request.model ?? null,
    provider: request.provider ?? null,
    conversation_id: request.conversationId,
    continues: request.continues,
    first_text: request.firstText,
    prompt_bytes: prompt.bytes,
    prompt_messages: prompt.messages,
    images: prompt.images,
    overhead_tokens: prompt.overheadTokens,
    output_modality: request.outputModality,
    needs: request.needs,
    takes_preferences: request.takesPreferences,
    takes_system_prompt: request.takesSystemPrompt,
    max_output_tokens: request.maxOutputTokens ?? null,
    ...(request.idempotency && {
      idempotency_key: request.idempotency.key,
      body_hash: request.idempotency.bodyHash,
    }),
  };
}

export function readHold(answer: HoldAnswer): Hold {
  const outages = new Map(answer.outages?.map(({ route_id, state }) => [route_id, state]));
  return {
    userId: answer.user_id,
    model: answer.model_id,
    routes: answer.routes.map((route) => ({
      id: route.id,
      priceId: route.price_id,
      provider: route.provider,
      upstreamModel: route.upstream_model,
      rank: route.rank,
      weight: route.weight,
      contextTokens: route.context_tokens,
      outage: outages.get(route.id) ?? "none",
    })),
    keys: (answer.keys ?? []).map(({ id, provider, sealed_key, weight, use_count }) => ({
      ...{ id, provider, sealedKey: sealed_key, userId: null, baseUrl: null },
      ...{ weight, useCount: use_count },
    })),
    ownKeys: (answer.own_keys ?? []).map(({ id, provider, sealed_key, base_url }) => ({
      ...{ id, provider, sealedKey: sealed_key, userId: answer.user_id, baseUrl: base_url },
    })),
    mayFallBack: answer.may_fall_back,
    coolingKeys: new Map((answer.cooling_keys ?? []).map(({ id, wait_ms }) => [id, wait_ms])),
    history: answer.history.map(readMessage),
    preferences: { temperature: answer.temperature, systemPrompt: answer.system_prompt },
    unavailableDefaultModel: answer.unavailable_default_model,
    maxOutputTokens: answer.max_output_tokens,
    supportedParameters: answer.supported_parameters,
    firstTokenMs: answer.first_token_ms,
    allowance: answer.limits.map(readLimitRow),
  };
}

function readMessage({
  role,
  content,
  parts,
  tool_calls,
  tool_call_id,
  continuation,
}: MessageAnswer): ChatMessage {
  switch (role) {
    case "user":
      return { role, content: parts ?? content };
    case "assistant":
      return {
        role,
        content,
        ...(tool_calls && { toolCalls: tool_calls }),
        ...(continuation === undefined ? {} : { continuation }),
      };
    case "tool":
      return { role, content, toolCallId: tool_call_id ?? "" };
    default:
      return { role, content };
  }
}

export function toSettleItem({ holdId, charges, messages, reply, health }: SettleRequest) {
  return {
    hold_id: holdId,
    charges: charges.map(toChargeItem),
    messages: messages.map(toMessageItem),
    ...(reply && { reply: toReplyItem(reply) }),
    ...(health && { health: toHealthItem(health) }),
  };
}

function toMessageItem(message: SettleRequest["messages"][number]) {
  return {
    role: message.role,
    content: textOf(message),
    ...(typeof message.content === "string" ? {} : { parts: message.content }),
    ...(message.role === "assistant" && message.toolCalls ? { tool_calls: message.toolCalls } : {}),
    ...(message.role === "assistant" && message.continuation ? { continuation: message.continuation } : {}),
    ...(message.role === "tool" ? { tool_call_id: message.toolCallId } : {}),
    finish_reason: message.finishReason ?? null,
  };
}

/** What usage does not tell is left out: the database estimates it. */
function toChargeItem({ attempt, priceId, outcome, usage, outputBytes, credentialId }: Charge) {
  return {
    attempt,
    price_id: priceId,
    outcome,
    output_bytes: outputBytes,
    credential_id: credentialId,
    ...(usage && {
      input_tokens: usage.inputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
    }),
  };
}

/** As long as `report_health` keeps a key waiting at most. */
const longestWaitMs = 3_600_000;

function toHealthItem({ failedRoutes, reachedRoutes, keyReports }: HealthReport) {
  return {
    failed_routes: failedRoutes,
    reached_routes: reachedRoutes,
    key_reports: keyReports.map(({ keyId, provider, reason, waitMs }) => ({
      key_id: keyId,
      provider,
      reason,
      // A whole number: providers ask for parts of a millisecond and for ages, and what Postgres cannot read would lose the report.
      wait_ms: waitMs === undefined ? null : Math.ceil(Math.min(waitMs, longestWaitMs)),
    })),
  };
}

export function readSettlement(answer: SettleAnswer): Settlement {
  return {
    isKnown: answer.is_known,
    isStored: answer.is_stored,
    usage: readUsageRow(answer.usage),
    costNano: answer.cost_nano,
    estimated: answer.estimated,
    limits: answer.limits.map(readLimitRow),
  };
}
