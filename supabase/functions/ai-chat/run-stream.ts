import type { AnswerPart, ChatResult, ServedBy } from "../../../shared/domain/chat-event.ts";
import { type SluiceError, toSluiceError } from "../../../shared/domain/errors.ts";
import type { OpenChat } from "../../../shared/gateway/gateway.ts";
import { createEventStream, type EventStream } from "../../../shared/http/event-stream.ts";
import type { RequestLog } from "../../../shared/http/request-log.ts";

/** Writes one answer as the events of a protocol. */
export interface StreamWriter {
  onParts(parts: AnswerPart[]): void;
  /** Only for clients that can take back what they were sent. */
  onRestart?(served: ServedBy): void;
  onDone(result: ChatResult): void;
  onError(error: SluiceError): void;
}

/**
 * Streams a chat to its end. The pump goes on when the client leaves; the log line is written when it is over.
 * @param createWriter called at once, to write what comes before the first part
 */
export function runStream(
  chat: OpenChat,
  { log, heartbeatMs, epochMs: now }: { log: RequestLog; heartbeatMs: number; epochMs(): number },
  createWriter: (stream: EventStream) => StreamWriter,
): ReadableStream<Uint8Array> {
  const stream = createEventStream(heartbeatMs, now);
  log.defer();
  const writer = createWriter(stream);
  chat
    .pump(writer)
    .then(writer.onDone, (thrown: unknown) => {
      const error = toSluiceError(thrown);
      log.fail(error);
      writer.onError(error);
    })
    .finally(() => {
      stream.close();
      log.note({ status: 200, clientLeft: stream.isAbandoned });
      log.write();
    });
  return stream.body;
}
