import { InvalidRequest } from "../invalid-request.ts";
import { parseObject } from "../is-object.ts";
import { readBearer } from "../read-bearer.ts";
import type { Answer, Asked, WireFormat } from "../wire-format.ts";
import { anthropicError, invalidRequest, refuseAnthropic, requestId } from "./errors.ts";
import { readChat } from "./read-chat.ts";

const versions = ["2023-06-01", "2026-10-21"];
const models = [
  ["claude-haiku-4-5", "Claude Haiku 4.5"],
  ["claude-sonnet-4-5", "Claude Sonnet 4.5"],
  ["claude-haiku-5-5", "Claude Haiku 5.5"],
  ["claude-sonnet-5-5", "Claude Sonnet 5.5"],
  ["claude-opus-5-5", "Claude Opus 5.5"],
] as const;

/** Anthropic's messages. */
export const anthropic: WireFormat = {
  name: "anthropic",
  basePath: "/anthropic",
  idPrefix: "msg_",
  readKey,
  authorize({ headers }) {
    const key = readKey(headers);
    if (key === "") return anthropicError(401, "authentication_error", "x-api-key header is required");
    return key.startsWith("sk-invalid")
      ? anthropicError(401, "authentication_error", "invalid x-api-key")
      : null;
  },
  read({ method, path, headers, body }) {
    const asked = `${method} ${path}`;
    const isChat = asked === "POST /v1/messages";
    if (!isChat && asked !== "GET /v1/models") return anthropicError(404, "not_found_error", "Not Found");
    try {
      const version = readVersion(headers);
      if (!isChat) return listModels();
      const request = parseObject(body);
      if (request === null) throw new InvalidRequest("The request body is not valid JSON");
      return readChat(request, version);
    } catch (error) {
      if (!(error instanceof InvalidRequest)) throw error;
      return invalidRequest(error.message);
    }
  },
  refuse: refuseAnthropic,
  refuseCommands: (message) => invalidRequest(`model: ${message}`),
};

/** The key is in `x-api-key`; Anthropic's own client, from version 1 on, sends it as a bearer token. */
function readKey(headers: Asked["headers"]): string {
  return String(headers["x-api-key"] ?? readBearer(headers));
}

function readVersion(headers: Asked["headers"]): string {
  const version = headers["anthropic-version"];
  if (version === undefined) throw new InvalidRequest("anthropic-version: header is required");
  if (typeof version === "string" && versions.includes(version)) return version;
  throw new InvalidRequest(`anthropic-version: "${String(version)}" is not a valid version`);
}

function listModels(): Answer {
  const data = models.map(([id, display_name]) => ({
    type: "model",
    id,
    display_name,
    created_at: "2025-10-01T00:00:00Z",
    deprecated_at: null,
    lifecycle: "active",
    line: null,
    retires_at: null,
    capabilities: null,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
  }));
  const [first_id, last_id] = [data[0]?.id, data.at(-1)?.id];
  return {
    status: 200,
    headers: ["content-type", "application/json", "request-id", requestId],
    body: JSON.stringify({ data, has_more: false, first_id, last_id }),
  };
}
