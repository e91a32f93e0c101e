import type { IncomingMessage, ServerResponse } from "node:http";
import { type CallRecord, type CallState, callStates } from "./call-record.ts";
import type { Holds } from "./holds.ts";
import { parseObject } from "./is-object.ts";
import type { Lists } from "./lists.ts";
import { until } from "./pacing.ts";
import type { PriceList } from "./price-list.ts";
import { sendAnswer } from "./send-answer.ts";

export const controlPath = "/_simulator";

const longestWaitMs = 20_000;

interface Parts {
  calls: CallRecord;
  holds: Holds;
  lists: Lists;
  /** The names of the outages that are on. */
  outages: Set<string>;
  prices: PriceList;
  /** The names of the formats. */
  formats: readonly string[];
}

/** Answers what tests ask of the simulator itself: the record of calls and its bill, prices, lists of models, outages, the release of held calls. */
export function createControl({ calls, holds, lists, outages, prices, formats }: Parts) {
  return async function control(
    request: IncomingMessage,
    body: string,
    response: ServerResponse,
  ): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://simulator");
    const asked = `${request.method} ${pathname.slice(controlPath.length)}`;
    if (asked === "GET /calls") return listCalls(response, searchParams);
    if (asked === "GET /bill") return sumBill(response, searchParams);
    if (asked === "POST /prices") return change(response, () => prices.set(parseObject(body)));
    const [, list, isReset] = /^POST \/lists\/(\w+)(\/reset)?$/.exec(asked) ?? [];
    if (list !== undefined && formats.includes(list))
      return change(response, () => (isReset ? lists.reset(list) : lists.set(list, parseObject(body))));
    const [, released] = /^POST \/release\/([\w.-]+)$/.exec(asked) ?? [];
    if (released !== undefined) return sendJson(response, 200, { released: holds.release(released) });
    const [, broken] = /^POST \/break\/([\w.-]+)$/.exec(asked) ?? [];
    if (broken !== undefined) return sendJson(response, 200, { broken: holds.breakOff(broken) });
    const [, reached] = /^GET \/holds\/([\w.-]+)$/.exec(asked) ?? [];
    if (reached !== undefined) return waitAtHold(response, reached);
    const [, outage, turn] = /^POST \/outages\/([\w.-]+)\/(begin|end)$/.exec(asked) ?? [];
    if (outage !== undefined) {
      if (turn === "begin") outages.add(outage);
      else outages.delete(outage);
      return sendJson(response, 200, { outages: [...outages] });
    }
    return sendJson(response, 404, {
      error: `${request.method} ${pathname} is unknown: use GET ${controlPath}/calls, bill or holds/<name>, POST ${controlPath}/prices, lists/<format>, lists/<format>/reset (${formats.join(", ")}), release/<name>, break/<name> or outages/<name>/begin and end`,
    });
  };

  async function listCalls(response: ServerResponse, query: URLSearchParams): Promise<void> {
    if (refuseUnknown(response, query, ["contains", "wait"])) return;
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

  /** Answers as soon as a call waits at a hold. */
  async function waitAtHold(response: ServerResponse, name: string): Promise<void> {
    if (holds.countWaiting(name) === 0)
      await until(response, (wake) => {
        const timer = setTimeout(wake, longestWaitMs);
        const stop = holds.listen((reached) => reached === name && wake());
        return () => {
          clearTimeout(timer);
          stop();
        };
      });
    const waiting = holds.countWaiting(name);
    if (waiting > 0) return sendJson(response, 200, { waiting });
    sendJson(response, 408, { error: `no call came to the hold "${name}" within ${longestWaitMs / 1000} s` });
  }

  function sumBill(response: ServerResponse, query: URLSearchParams): void {
    if (refuseUnknown(response, query, ["contains"])) return;
    const matching = calls.find(query.get("contains") ?? "");
    const totalNano = matching.reduce((sum, call) => sum + call.billNano, 0);
    sendJson(response, 200, { calls: matching.length, totalNano });
  }

  function change(response: ServerResponse, apply: () => void): void {
    try {
      apply();
      sendJson(response, 200, {});
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      sendJson(response, 400, { error: error.message });
    }
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

/** Refuses a query with a parameter that nobody reads: a mistyped filter would match everything. */
function refuseUnknown(response: ServerResponse, query: URLSearchParams, known: readonly string[]): boolean {
  for (const name of query.keys()) {
    if (known.includes(name)) continue;
    sendJson(response, 400, { error: `unknown parameter "${name}": use ${known.join(" and ")}` });
    return true;
  }
  return false;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendAnswer(response, {
    status,
    headers: ["content-type", "application/json"],
    body: JSON.stringify(value),
  });
}
