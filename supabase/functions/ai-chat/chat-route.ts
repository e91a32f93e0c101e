import type { ChatEvent, ChatStart } from "../../../shared/domain/chat-event.ts";
import { parseChatRequest } from "../../../shared/domain/chat-request.ts";
import { formatPosition, startOf } from "../../../shared/domain/reply-position.ts";
import type { Gateway } from "../../../shared/gateway/gateway.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { type EventStream, eventStreamHeaders } from "../../../shared/http/event-stream.ts";
import { readIdempotent } from "../../../shared/http/idempotency.ts";
import type { WriteLog } from "../../../shared/http/request-log.ts";
import { answerHeaders } from "./answer-headers.ts";
import { toEvents } from "./chat-events.ts";
import { observeRequest } from "./observe-request.ts";
import { runStream, type StreamWriter } from "./run-stream.ts";

interface ChatRouteOptions {
  gateway: Gateway;
  callers: CallerAuthentication;
  heartbeatMs: number;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  writeLog: WriteLog;
}

/** Adds `POST ai-chat`: one chat, as a stream of our events or as one JSON answer. */
export function addChatRoute(
  app: App,
  { gateway, callers, heartbeatMs, epochMs, writeLog }: ChatRouteOptions,
): void {
  app.post("/", async (context) => {
    const log = context.get("log");
    const caller = await callers.identify(context.req.raw);
    // Whose API key it is, is known with the hold.
    if (caller.apiKeyDigest === undefined) log.note({ userId: caller.userId });
    log.mark("auth");
    const { request, idempotency } = await callers.readFor(caller, "chat", async () => {
      const { json, idempotency } = await readIdempotent(context.req.raw);
      return { request: parseChatRequest(json), idempotency };
    });
    log.note({ stream: request.stream });

    const observer = observeRequest(log, writeLog);
    const call = {
      ...{ id: log.requestId, caller, request, idempotency, observer },
      ...{ takesPreferences: true, canRestart: true },
    };
    const chat = await gateway.open(call);
    if (request.stream) {
      const body = runStream(chat, { log, heartbeatMs, epochMs }, (stream) =>
        createWriter(stream, chat.start),
      );
      return context.body(body, 200, {
        ...eventStreamHeaders,
        ...answerHeaders(chat, chat.start, epochMs()),
        "server-timing": log.serverTiming(),
      });
    }

    const result = await chat.pump({ onParts() {} });
    return context.json(result, 200, {
      ...answerHeaders(chat, result, epochMs()),
      "server-timing": log.serverTiming(),
    });
  });

  refuseOtherMethods(app, "/", ["POST"]);
}

function createWriter(stream: EventStream, start: ChatStart): StreamWriter {
  const send = (...events: ChatEvent[]) => stream.send(events);
  let position = startOf(start.attempts);
  send({ type: "start", data: start });
  return {
    onParts: (parts) => stream.send(toEvents(parts, position)),
    onRestart(data) {
      position = startOf(data.attempts);
      stream.send([{ type: "restart", data, id: formatPosition(position) }]);
    },
    onDone({ content: _, reasoning: __, toolCalls: ___, ...data }) {
      send({ type: "done", data });
    },
    onError: (error) => send({ type: "error", data: error.toBody() }),
  };
}
