import type { IncomingMessage, ServerResponse } from "node:http";
import { type CallRecord, type CallState, callStates } from "./call-record.ts";
import type { Holds } from "./holds.ts";
import { until } from "./pacing.ts";
import { sendAnswer } from "./send-answer.ts";

export const controlPath = "/_simulator";

const longestWaitMs = 20_000;

/** Answers what tests ask of the simulator itself: the record of calls, and the release of held ones. */
export function createControl(calls: CallRecord, holds: Holds) {
  return async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://simulator");
    const path = pathname.slice(controlPath.length);
    if (request.method === "GET" && path === "/calls") return listCalls(response, searchParams);
    const name = request.method === "POST" ? /^\/release\/([\w.-]+)$/.exec(path)?.[1] : undefined;
    if (name !== undefined) return sendJson(response, 200, { released: holds.release(name) });
    return sendJson(response, 404, {
      error: `${request.method} ${pathname} is unknown: use GET ${controlPath}/calls or POST ${controlPath}/release/<name>`,
    });
  };

  async function listCalls(response: ServerResponse, query: URLSearchParams): Promise<void> {
    for (const name of query.keys())
      if (name !== "contains" && name !== "wait")
        return sendJson(response, 400, { error: `unknown parameter "${name}": use contains and wait` });
    const text = query.get("contains") ?? "";
    const wait = query.get("wait");
    const state = callStates.find((each) => each === wait) ?? null;
    if (wait !== null && state === null)
      return sendJson(response, 400, { error: `unknown state "${wait}": use ${callStates.join(", ")}` });
    const found = state === null || (await reach(response, text, state));
    const matching = calls.find(text);
    if (found) return sendJson(response, 200, { calls: matching });
    return sendJson(response, 408, {
      error: `no call whose prompt contains "${text}" was ${state} within ${longestWaitMs / 1000} s`,
      calls: matching,
    });
  }

  /** Waits until a call whose prompt contains `text` is in `state`; false if none is in time. */
  async function reach(response: ServerResponse, text: string, state: CallState): Promise<boolean> {
    let reached = calls.find(text).some((call) => call.state === state);
    if (!reached)
      await until(response, (wake) => {
        const timer = setTimeout(wake, longestWaitMs);
        const stop = calls.listen((call) => {
          if (call.state !== state || !call.prompt.includes(text)) return;
          reached = true;
          wake();
        });
        return () => {
          clearTimeout(timer);
          stop();
        };
      });
    return reached;
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendAnswer(response, {
    status,
    headers: ["content-type", "application/json"],
    body: JSON.stringify(value),
  });
}
