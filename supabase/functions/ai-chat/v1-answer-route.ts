import type { ServedBy } from "../../../shared/domain/chat-event.ts";
import type { OpenChat } from "../../../shared/gateway/gateway.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { type EventStream, eventStreamHeaders } from "../../../shared/http/event-stream.ts";
import { readIdempotent } from "../../../shared/http/idempotency.ts";
import type { AnswerFormat } from "../../../shared/http/openai/answer-format.ts";
import type { ChatParams } from "../../../shared/http/openai/chat-params.ts";
import { renameError, renameWarning } from "../../../shared/http/openai/names.ts";
import { answerHeaders } from "./answer-headers.ts";
import { observeRequest } from "./observe-request.ts";
import { runStream, type StreamWriter } from "./run-stream.ts";
import type { V1Options } from "./v1-routes.ts";

interface AnswerRouteOptions extends V1Options {
  parse(json: unknown): ChatParams;
  format: AnswerFormat;
}

/** Adds a route that answers one chat in a shape of OpenAI's. Nothing is kept as a conversation: these clients send all of it. */
export function addV1AnswerRoute(app: App, path: string, options: AnswerRouteOptions): void {
  const { gateway, callers, heartbeatMs, epochMs, writeLog, parse, format } = options;

  app.post(path, async (context) => {
    const log = context.get("log");
    const caller = await callers.identify(context.req.raw);
    // Whose API key it is, is known with the hold.
    if (caller.apiKeyDigest === undefined) log.note({ userId: caller.userId });
    log.mark("auth");
    const { params, idempotency } = await callers.readFor(caller, "chat", async () => {
      const { json, idempotency } = await readIdempotent(context.req.raw);
      return { params: parse(json), idempotency };
    });
    const { request } = params;
    log.note({ stream: request.stream });

    const call = {
      id: log.requestId,
      caller,
      request,
      idempotency,
      observer: observeRequest(log, writeLog),
      // These clients send all of it.
      takesPreferences: false,
      // Their streams have no word for it.
      canRestart: !request.stream,
    };
    const created = Math.floor(epochMs() / 1000);
    try {
      const chat = await gateway.open(call);
      if (request.stream) {
        const body = runStream(chat, { log, heartbeatMs, epochMs }, (stream) =>
          createWriter(stream, chat, { format, created, params }),
        );
        return context.body(body, 200, {
          ...eventStreamHeaders,
          ...answerHeaders(chat, tellWarnings(chat.start, params), epochMs()),
          "server-timing": log.serverTiming(),
        });
      }
      const result = tellWarnings(await chat.pump({ onParts() {} }), params);
      return context.json(format.writeAnswer(result, created), 200, {
        ...answerHeaders(chat, result, epochMs()),
        "server-timing": log.serverTiming(),
      });
    } catch (thrown) {
      throw renameError(thrown, params.rename);
    }
  });

  refuseOtherMethods(app, path, ["POST"]);
}

interface WriterOptions {
  format: AnswerFormat;
  /** Seconds since the epoch. */
  created: number;
  params: ChatParams;
}

function createWriter(stream: EventStream, { start }: OpenChat, options: WriterOptions): StreamWriter {
  const { format, created, params } = options;
  const chunks = format.createChunks(start, { created, includeUsage: params.includeUsage });
  stream.sendData(chunks.opening());
  return {
    onParts: (parts) => stream.sendData(parts.flatMap(chunks.part)),
    onDone: (result) => stream.sendData([...chunks.closing(tellWarnings(result, params)), "[DONE]"]),
    // No [DONE] after it: what breaks off is not complete.
    onError: (error) => stream.sendData([JSON.stringify(renameError(error, params.rename).toBody())]),
  };
}

/** Adds what was left out before a provider was chosen, and names all of it as the caller does. */
function tellWarnings<Served extends ServedBy>(served: Served, { warnings, rename }: ChatParams): Served {
  const renamed = served.warnings.map((warning) => renameWarning(warning, rename));
  return { ...served, warnings: [...warnings, ...renamed] };
}
