import { setTimeout as pause } from "node:timers/promises";
import { apiVersion } from "../api-version.ts";
import type { Core } from "../core.ts";
import type { createFaults, Fault } from "../faults.ts";
import { type Answer, type Asked, json } from "../http.ts";
import { newId } from "../new-id.ts";
import { Refusal, type RefusalBody } from "../refusal.ts";
import type { Endpoint } from "./endpoint.ts";
import { createExpand } from "./expand.ts";
import { parseForm } from "./form.ts";
import { createIdempotency, type Reply } from "./idempotency.ts";

/** Answers calls of the API as Stripe does, with the faults that were asked for, and counts them. */
export function createServeApi(core: Core, endpoints: Endpoint[], faults: ReturnType<typeof createFaults>) {
  const expand = createExpand(core.state);
  const once = createIdempotency(core.state, core.clock);
  const calls = new Map<string, number>();
  return { serve, calls };

  async function serve(asked: Asked): Promise<Answer> {
    const requestId = newId("req");
    const version = asked.headers["stripe-version"] ?? apiVersion;
    const key = asked.headers["idempotency-key"];
    const headers = {
      "request-id": requestId,
      "stripe-version": String(version),
      ...(key !== undefined && { "idempotency-key": String(key) }),
    };
    try {
      const reply = await answer(asked, requestId);
      const replayed = reply?.isReplayed ? { "idempotent-replayed": "true" } : {};
      return reply && json(reply.status, reply.body, { ...headers, ...replayed });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return json(error.status, { error: error.body }, headers);
    }
  }

  async function answer(asked: Asked, requestId: string): Promise<Reply | null> {
    requireKey(asked);
    const { endpoint, ids } = find(asked);
    const call = `${asked.method} ${endpoint.path}`;
    calls.set(call, (calls.get(call) ?? 0) + 1);
    const header = asked.headers["idempotency-key"];
    const key = asked.method === "POST" && typeof header === "string" ? header : undefined;

    const fault = faults.take(asked);
    const [before, after] = fault?.after ? [undefined, fault] : [fault, undefined];
    if (before?.hang) return null;
    const reply = await once(key, `${asked.method} ${asked.path} ${asked.body}`, async () => {
      const failed = before && (await suffer(before));
      return (
        failed ??
        core.events.during({ id: requestId, idempotency_key: key ?? null }, () =>
          carryOut(endpoint, ids, asked),
        )
      );
    });
    if (after?.hang) return null;
    return (after && (await suffer(after))) ?? reply;
  }

  function find({ method, path }: Asked): { endpoint: Endpoint; ids: string[] } {
    for (const endpoint of endpoints) {
      const match = endpoint.method === method ? endpoint.pattern.exec(path) : null;
      if (match) return { endpoint, ids: match.slice(1).map(decodeURIComponent) };
    }
    throw new Refusal(404, {
      type: "invalid_request_error",
      message: `Unrecognized request URL (${method}: ${path}). The stand-in for Stripe answers only what its README names.`,
    });
  }

  function carryOut(endpoint: Endpoint, ids: string[], { query, body }: Asked): Reply {
    try {
      const { answer, expand: paths } = endpoint.run(ids, { ...parseForm(query), ...parseForm(body) });
      return { status: 200, body: expand(answer, paths), isFinal: true };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { error: error.body }, isFinal: error.status === 402 };
    }
  }
}

/** Any key of the test mode will do. */
function requireKey({ headers }: Asked): void {
  const key = /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1];
  if (key?.startsWith("sk_test_")) return;
  throw new Refusal(401, {
    type: "invalid_request_error",
    message:
      key === undefined
        ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."
        : `Invalid API Key provided: ${key.slice(0, 8)}****`,
  });
}

async function suffer({ delayMs, status }: Fault): Promise<Reply | undefined> {
  if (delayMs !== undefined) await pause(delayMs);
  if (status === undefined) return undefined;
  const error: RefusalBody =
    status === 429
      ? {
          type: "invalid_request_error",
          code: "rate_limit",
          message: "Too many requests hit the API too quickly.",
        }
      : { type: "api_error", message: "An error occurred on our end." };
  return { status, body: { error }, isFinal: false };
}
