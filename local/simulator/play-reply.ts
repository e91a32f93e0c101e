import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Call, CallState } from "./call-record.ts";
import type { Faults } from "./faults.ts";
import type { Holds } from "./holds.ts";
import { createPace, until, untilDrained, untilElapsed, untilGone } from "./pacing.ts";
import type { Reply } from "./reply.ts";
import { sendAnswer } from "./send-answer.ts";
import type { ChatRequest, WireFormat, WrittenReply } from "./wire-format.ts";

interface Play {
  response: ServerResponse;
  requestHeaders: IncomingHttpHeaders;
  format: WireFormat;
  chat: ChatRequest;
  faults: Faults;
  holds: Holds;
  reply: Reply;
  written: WrittenReply;
  /** Its `tokensSent` is kept up to date. */
  call: Call;
}

type Outcome = Exclude<CallState, "running">;
type EndingKind = NonNullable<Faults["ending"]>["kind"];

/** Answers a chat as its faults command, and returns how that ended: `refused` before there was anything to bill. */
export async function playReply(play: Play): Promise<Outcome | "refused"> {
  const { response, faults } = play;
  if (faults.earlyHeaders) {
    sendHead(play);
    response.flushHeaders();
  }
  if (faults.silent) await untilGone(response);
  if (faults.latencyMs > 0) await untilElapsed(response, faults.latencyMs);
  if (response.destroyed) return "aborted";
  if (faults.refusal) {
    sendAnswer(response, play.format.refuse(faults.refusal, play.chat, play.requestHeaders));
    return "refused";
  }
  return play.chat.stream ? playStream(play) : playJson(play);
}

function sendHead({ response, chat, written }: Play): void {
  if (!response.headersSent)
    response.writeHead(200, [...(chat.stream ? written.streamHeaders : written.jsonHeaders)]);
}

async function playStream(play: Play): Promise<Outcome> {
  const { response, faults, holds, reply, written, call } = play;
  const untilDue = faults.tokensPerSecond === null ? null : createPace(response, faults.tokensPerSecond);
  sendHead(play);
  response.write(written.opening);
  for (let sent = 0; ; sent++) {
    if (faults.hold?.afterTokens === sent) await holds.pass(response, faults.hold.name);
    const wait = untilDue?.(sent);
    if (wait) await wait;
    if (response.writableNeedDrain) await untilDrained(response);
    if (response.destroyed) return "aborted";
    if (faults.malformedAfterTokens === sent) response.write(written.broken);
    const token = reply.tokens[sent];
    const chunk = token === undefined ? (written.closing[0] ?? "") : written.token(token);
    if (faults.ending?.afterTokens === sent) return endStream(play, faults.ending.kind, chunk);
    if (token === undefined) break;
    response.write(chunk);
    call.tokensSent = sent + 1;
  }
  for (const chunk of written.closing) response.write(chunk);
  response.end();
  return "completed";
}

async function endStream({ response, written }: Play, kind: EndingKind, nextChunk: string): Promise<Outcome> {
  switch (kind) {
    case "cut":
      await breakOff(response, nextChunk);
      return "failed";
    case "error":
      response.end(written.failure);
      return "failed";
    case "stall":
      await untilGone(response);
      return "aborted";
    case "end":
      response.end();
      return "failed";
  }
}

/** A JSON answer comes in one piece, so it is paced, held and broken as a whole. */
async function playJson(play: Play): Promise<Outcome | "refused"> {
  const { response, faults, holds, reply, written, call } = play;
  const { length } = reply.tokens;
  const isReached = (afterTokens: number | null) => afterTokens !== null && afterTokens <= length;
  if (faults.tokensPerSecond !== null) await untilElapsed(response, (length * 1000) / faults.tokensPerSecond);
  if (faults.hold && isReached(faults.hold.afterTokens)) await holds.pass(response, faults.hold.name);
  if (response.destroyed) return "aborted";
  const ending = faults.ending && isReached(faults.ending.afterTokens) ? faults.ending.kind : null;
  if (ending === "error") {
    sendAnswer(response, play.format.refuse({ status: 500, code: null }, play.chat, play.requestHeaders));
    return "refused";
  }
  const body = written.json();
  call.tokensSent = length;
  const answer = { status: 200, headers: written.jsonHeaders, body };
  if (ending === null && !isReached(faults.malformedAfterTokens)) {
    sendAnswer(response, answer);
    return "completed";
  }
  if (ending === "cut") {
    sendHead(play);
    await breakOff(response, body);
    return "failed";
  }
  if (ending === "stall") {
    sendHead(play);
    response.write(firstHalf(body));
    await untilGone(response);
    return "aborted";
  }
  sendAnswer(response, { ...answer, body: body.slice(0, body.length / 2) });
  return "failed";
}

/** Destroys the connection once half of `chunk` has left: destroyed at once, it would take earlier chunks with it. */
async function breakOff(response: ServerResponse, chunk: string): Promise<void> {
  await until(response, (wake) => {
    response.write(firstHalf(chunk), () => wake());
    return () => {};
  });
  response.destroy();
}

function firstHalf(text: string): Buffer {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, bytes.length / 2);
}
