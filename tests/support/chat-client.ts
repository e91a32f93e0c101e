import { inject } from "vitest";
import type { ChatResult } from "../../shared/domain/chat-event.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import { readEvents, readRest, type StreamEvent } from "./read-events.ts";

/** An answer in one piece. `result` and `error` are its body, as what the status says that it is. */
export interface Answer {
  status: number;
  headers: Headers;
  result: ChatResult;
  error: ErrorBody["error"];
}

interface Stream {
  status: number;
  headers: Headers;
  events: AsyncGenerator<StreamEvent>;
  /** Hangs up. */
  leave(): void;
}

/** Calls `ai-chat` as an app does, through the gateway unless another address is given. */
export function createChatClient(url = `${inject("stack").apiUrl}/functions/v1/ai-chat`) {
  /** Sends any request; `body` goes out as it is. */
  function send(
    path: string,
    { token, headers, ...init }: RequestInit & { token?: string | undefined },
  ): Promise<Response> {
    return fetch(`${url}${path}`, {
      ...init,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(init.body ? { "content-type": "application/json" } : {}),
        ...(headers as Record<string, string>),
      },
    });
  }

  /** A chat as one JSON answer. */
  async function ask(
    { token }: { token: string },
    body: Record<string, unknown>,
    init: RequestInit = {},
  ): Promise<Answer> {
    const response = await send("", { ...init, token, method: "POST", body: JSON.stringify(body) });
    const answer = await response.json();
    return { status: response.status, headers: response.headers, result: answer, error: answer.error };
  }

  /** A chat as a stream that is read event by event. Throws where the answer is not one. */
  async function open({ token }: { token: string }, body: Record<string, unknown>): Promise<Stream> {
    const hangUp = new AbortController();
    const response = await send("", {
      token,
      method: "POST",
      body: JSON.stringify({ ...body, stream: true }),
      signal: hangUp.signal,
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return {
      status: response.status,
      headers: response.headers,
      events: readEvents(response.body),
      leave: () => hangUp.abort(),
    };
  }

  /** All events of a chat. */
  async function stream(caller: { token: string }, body: Record<string, unknown>): Promise<StreamEvent[]> {
    return readRest((await open(caller, body)).events);
  }

  /** Any request whose answer is JSON or nothing; an error unless the caller says what else. */
  async function request<Body = ErrorBody>(
    { token }: { token: string },
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; headers: Headers; body: Body }> {
    const response = await send(path, {
      token,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text === "" ? null : JSON.parse(text)) as Body;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  return { send, ask, open, stream, request };
}
