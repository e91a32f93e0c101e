import type { ChatEvent } from "../../../shared/domain/chat-event.ts";
import { parseChatRequest } from "../../../shared/domain/chat-request.ts";
import { toSluiceError } from "../../../shared/domain/errors.ts";
import type { ChatObserver, Gateway, OpenChat } from "../../../shared/gateway/gateway.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { createEventStream, eventStreamHeaders } from "../../../shared/http/event-stream.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { describeCause, type RequestLog, type WriteLog } from "../../../shared/http/request-log.ts";

interface ChatRouteOptions {
  gateway: Gateway;
  authenticate: Authenticate;
  heartbeatMs: number;
  writeLog: WriteLog;
}

/** Adds `POST ai-chat`: one chat, as a stream of our events or as one JSON answer. */
export function addChatRoute(
  app: App,
  { gateway, authenticate, heartbeatMs, writeLog }: ChatRouteOptions,
): void {
  app.post("/", async (context) => {
    const log = context.get("log");
    const { userId } = await authenticate(context.req.raw);
    log.note({ userId });
    log.mark("auth");
    const request = parseChatRequest(await readJson(context.req.raw));
    log.note({ stream: request.stream });

    const chat = await gateway.open({ id: log.requestId, userId, request, observer: observe(log, writeLog) });
    if (request.stream) {
      const headers = { ...eventStreamHeaders, "server-timing": log.serverTiming() };
      return context.body(streamChat(chat, log, heartbeatMs), 200, headers);
    }

    const result = await chat.pump(() => {});
    context.header("server-timing", log.serverTiming());
    return context.json(result);
  });

  refuseOtherMethods(app, "/", ["POST"]);
}

/** The pump goes on when the client leaves; the log line is written when it is over. */
function streamChat(chat: OpenChat, log: RequestLog, heartbeatMs: number): ReadableStream<Uint8Array> {
  const stream = createEventStream(heartbeatMs);
  const send = (...events: ChatEvent[]) => stream.send(events);
  log.defer();
  send({ type: "start", data: chat.start });
  chat
    .pump((parts) => send(...parts.map(({ type, text }) => ({ type, data: { text } }))))
    .then(
      (result) => {
        const { content: _, reasoning: __, ...done } = result;
        send({ type: "done", data: done });
      },
      (thrown: unknown) => {
        const error = toSluiceError(thrown);
        log.note({
          code: error.code,
          ...(error.cause === undefined ? {} : { cause: describeCause(error.cause) }),
        });
        send({ type: "error", data: error.toBody() });
      },
    )
    .finally(() => {
      stream.close();
      log.note({ status: 200, clientLeft: stream.isAbandoned });
      log.write();
    });
  return stream.body;
}

function observe(log: RequestLog, writeLog: WriteLog): ChatObserver {
  return {
    mark: log.mark,
    route: (model, provider) => log.note({ model, provider }),
    settled: ({ usage, costNano, estimated, isStored }) =>
      log.note({ usage, costNano, estimated, ...(isStored ? {} : { isStored }) }),
    // Figures only: should the worker die before the ledger is reached, an operator can post them from here.
    settleFailed: ({ holdId, charges }, error, isLost) =>
      writeLog(
        JSON.stringify({
          event: "settlement_failed",
          requestId: holdId,
          charges,
          isLost,
          cause: describeCause(error),
        }),
      ),
  };
}
