import type { Person } from "./people.ts";
import { type AnswerKind, messages, openaiBody, toProviderRequest } from "./provider-requests.ts";
import type { Workload } from "./workloads.ts";

/** A server under load, and how to ask it. */
export interface Target {
  name: string;
  /** Of 127.0.0.1. */
  port: number;
  /** Its one process. */
  pid: number;
  /** Whether each answer is a chat of the ledger. */
  isMetered: boolean;
  /** The bytes of a request, and what stands in every right answer. */
  ask(workload: Workload, kind: AnswerKind, person: Person): { request: Uint8Array; marker: string };
}

/** How a server is reached. */
type Address = Pick<Target, "name" | "port" | "pid">;

/** The simulator, or what passes requests on to it as they are. */
export function providerTarget(address: Address, apiKey: string): Target {
  return {
    ...address,
    isMetered: false,
    ask(workload, kind) {
      const { path, body, marker } = toProviderRequest(workload, kind);
      return { request: post(path, [`Authorization: Bearer ${apiKey}`], body), marker };
    },
  };
}

/** The peer, told by headers where to call the simulator in OpenAI's format. */
export function peerTarget(address: Address, baseUrl: string, apiKey: string): Target {
  const headers = [
    `Authorization: Bearer ${apiKey}`,
    "x-portkey-provider: openai",
    `x-portkey-custom-host: ${baseUrl}`,
  ];
  return {
    ...address,
    isMetered: false,
    ask(workload, kind) {
      const { body, marker } = toProviderRequest(workload, kind);
      return { request: post("/v1/chat/completions", headers, body), marker };
    },
  };
}

/** ai-chat's own route: each request begins a conversation. */
export function aiChatTarget(address: Address): Target {
  return {
    ...address,
    isMetered: true,
    ask: ({ model, tokens, maxTokens }, kind, { token }) => ({
      request: post("/ai-chat", [`Authorization: Bearer ${token}`], {
        model,
        messages,
        stream: kind === "stream",
        options: { maxTokens },
      }),
      marker: `"outputTokens":${tokens}`,
    }),
  };
}

/** ai-chat as OpenAI's clients call it. */
export function openaiRouteTarget(address: Address): Target {
  return {
    ...address,
    isMetered: true,
    ask: (workload, kind, { token }) => ({
      request: post(
        "/ai-chat/v1/chat/completions",
        [`Authorization: Bearer ${token}`],
        openaiBody(workload.model, workload, kind === "stream"),
      ),
      marker: `"completion_tokens":${workload.tokens}`,
    }),
  };
}

function post(path: string, headers: string[], body: unknown): Uint8Array {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    ...headers,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`);
}
