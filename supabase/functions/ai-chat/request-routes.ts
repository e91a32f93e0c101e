import type { Replies, RequestState } from "../../../shared/database/replies.ts";
import { SluiceError, toSluiceError } from "../../../shared/domain/errors.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import {
  formatPosition,
  parsePosition,
  partsAfter,
  type ReplyPosition,
  startOf,
} from "../../../shared/domain/reply-position.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import {
  createEventStream,
  type EventStream,
  eventStreamHeaders,
} from "../../../shared/http/event-stream.ts";
import type { RequestLog } from "../../../shared/http/request-log.ts";
import { toEvents } from "./chat-events.ts";

interface RequestRoutesOptions {
  replies: Replies;
  callers: CallerAuthentication;
  heartbeatMs: number;
  /** The longest that a stream may last, in milliseconds. */
  deadlineMs: number;
  now(): number;
}

/** As often as replies are written down. */
const pollMs = 1000;

/** Adds `GET ai-chat/requests/:id`: how a request stands and its reply so far, for a client that lost its connection. */
export function addRequestRoutes(app: App, options: RequestRoutesOptions): void {
  const { replies, callers } = options;

  app.get("/requests/:id", async (context) => {
    const log = context.get("log");
    const { userId } = await callers.authenticate(context.req.raw, "chat");
    log.note({ userId });
    const id = readId(context.req.param("id"), "request_not_found");
    const state = await replies.find(userId, id);
    if (!/\btext\/event-stream\b/.test(context.req.header("accept") ?? "")) return context.json(state);

    const find = () => replies.find(userId, id);
    const lastEventId = context.req.header("last-event-id") ?? "";
    const body = continueStream(state, find, { ...options, log, lastEventId });
    return context.body(body, 200, eventStreamHeaders);
  });

  refuseOtherMethods(app, "/requests/:id", ["GET"]);
}

interface ContinueOptions extends RequestRoutesOptions {
  log: RequestLog;
  lastEventId: string;
}

function continueStream(
  first: RequestState,
  find: () => Promise<RequestState>,
  { log, lastEventId, heartbeatMs, deadlineMs, now }: ContinueOptions,
): ReadableStream<Uint8Array> {
  const stream = createEventStream(heartbeatMs, now);
  log.defer();
  follow(first, find, { stream, lastEventId, until: now() + deadlineMs, now })
    .catch((thrown: unknown) => {
      const error = toSluiceError(thrown);
      log.fail(error);
      stream.send([{ type: "error", data: error.toBody() }]);
    })
    .finally(() => {
      stream.close();
      log.note({ status: 200, clientLeft: stream.isAbandoned });
      log.write();
    });
  return stream.body;
}

interface FollowOptions {
  stream: EventStream;
  lastEventId: string;
  /** Milliseconds of `now`. */
  until: number;
  now(): number;
}

/** Sends what comes after the last event that the client has, until the reply is over. */
async function follow(
  first: RequestState,
  find: () => Promise<RequestState>,
  { stream, lastEventId, until, now }: FollowOptions,
): Promise<void> {
  const known = parsePosition(lastEventId);
  let position = known ?? startOf(first.attempts ?? 1);
  if (known === null) stream.send([{ type: "start", data: describe(first) }]);
  for (let state = first; ; state = await findUnlessAway(find, state)) {
    const attempt = state.attempts ?? position.attempt;
    if (attempt > position.attempt || isForeign(position, state)) {
      position = startOf(attempt);
      stream.send([{ type: "restart", data: describe(state), id: formatPosition(position) }]);
    }
    // What the client has may be ahead of what is written down.
    if (attempt === position.attempt) stream.send(toEvents(partsAfter(position, state), position));
    if (state.state !== "running") return stream.send([conclude(state)]);
    if (stream.isAbandoned) return;
    if (now() >= until) throw new SluiceError("deadline_exceeded");
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** How the request stands, or stood while the database is away: the reply grows on all the same. */
async function findUnlessAway(find: () => Promise<RequestState>, known: RequestState): Promise<RequestState> {
  try {
    return await find();
  } catch (thrown) {
    if (toSluiceError(thrown).code === "database_unavailable") return known;
    throw thrown;
  }
}

/**
 * Whether a client has what this reply has not: its last event was another reply's. Only a complete reply tells, of others the client
 * may have more than is written down.
 */
function isForeign(
  position: ReplyPosition,
  { state, attempts, content, reasoning, toolCalls }: RequestState,
) {
  if (state !== "completed") return false;
  return (
    position.attempt !== attempts ||
    position.content > content.length ||
    position.reasoning > reasoning.length ||
    position.toolCalls.some((length, index) => length > (toolCalls[index]?.arguments.length ?? -1))
  );
}

function describe({ id, conversationId, model, provider, attempts }: RequestState) {
  return { id, conversationId, model, provider, attempts };
}

/** The event that ends the stream. */
function conclude(state: RequestState): { type: string; data: unknown } {
  const { continuation, finishReason, usage, costNano, estimated } = state;
  if (state.state === "completed") {
    const done = { ...describe(state), finishReason, usage, costNano, estimated };
    return { type: "done", data: continuation === null ? done : { ...done, continuation } };
  }
  const error =
    state.state === "failed"
      ? new SluiceError("provider_failed", { message: "The request failed and cost nothing: ask again." })
      : new SluiceError("provider_interrupted", { detail: { usage, costNano, estimated } });
  return { type: "error", data: error.toBody() };
}
