import type { ServerResponse } from "node:http";
import { breakOff, firstHalf, lengthenLine } from "./broken-chunk.ts";
import type { Call, CallState } from "./call-record.ts";
import { countWritten } from "./count-written.ts";
import type { Faults } from "./faults.ts";
import type { Holds } from "./holds.ts";
import { createPace, untilElapsed, untilGone } from "./pacing.ts";
import { playStream } from "./play-stream.ts";
import { sendAnswer } from "./send-answer.ts";
import type { Answer, WrittenReply } from "./wire-format.ts";

/** A call, and how it is to be answered. */
export interface Play {
  response: ServerResponse;
  stream: boolean;
  faults: Faults;
  tokensPerSecond: number | null;
  holds: Holds;
  written: WrittenReply;
  /** What is answered instead of the reply; null for nothing. */
  refusal: Answer | null;
  /** What is answered instead of a JSON answer that fails. */
  serverFailed: Answer;
  /** Its `thoughtsSent` and `tokensSent` are kept up to date. */
  call: Call;
}

export type Outcome = Exclude<CallState, "running">;

/** Answers a call as its faults command, and returns how that ended: `refused` before there was anything to bill. */
export async function playReply(play: Play): Promise<Outcome | "refused"> {
  const { response, faults } = play;
  if (await isBrokenAt(play, "request")) return "refused";
  if (response.destroyed) return "aborted";
  if (faults.earlyHeaders) {
    sendHead(play);
    response.flushHeaders();
  }
  if (faults.silent) await untilGone(response);
  if (faults.latencyMs > 0) await untilElapsed(response, faults.latencyMs);
  if (response.destroyed) return "aborted";
  if (faults.reset) {
    response.destroy();
    return "refused";
  }
  if (play.refusal) {
    sendAnswer(response, play.refusal);
    return "refused";
  }
  if (faults.hold?.at === "headers") {
    sendHead(play);
    response.flushHeaders();
    if (await isBrokenAt(play, "headers")) return "failed";
    if (response.destroyed) return "aborted";
  }
  if (!play.stream) return playJson(play);
  sendHead(play);
  return playStream(play, createPace(response, play.tokensPerSecond));
}

/** Waits where the call is to be held at this place. Returns whether it was broken off there. */
async function isBrokenAt({ response, faults, holds }: Play, place: "request" | "headers"): Promise<boolean> {
  return faults.hold?.at === place && holds.pass(response, faults.hold.name);
}

function sendHead({ response, stream, written }: Play): void {
  if (!response.headersSent)
    response.writeHead(200, [...(stream ? written.streamHeaders : written.jsonHeaders)]);
}

/** A JSON answer comes in one piece, so it is paced, held and broken as a whole. */
async function playJson(play: Play): Promise<Outcome | "refused"> {
  const { response, faults, holds, written, call } = play;
  const [thoughts, tokens] = [countWritten(written, true), countWritten(written, false)];
  const isReached = (afterTokens: number | null) => afterTokens !== null && afterTokens <= tokens;
  const { hold } = faults;
  if (faults.firstTokenMs > 0) await untilElapsed(response, faults.firstTokenMs);
  if (play.tokensPerSecond !== null)
    await untilElapsed(response, ((thoughts + tokens) * 1000) / play.tokensPerSecond);
  if (hold && typeof hold.at === "number" && isReached(hold.at)) {
    if (await holds.pass(response, hold.name)) return "refused";
  }
  if (response.destroyed) return "aborted";
  const ending = faults.ending && isReached(faults.ending.afterTokens) ? faults.ending.kind : null;
  if (ending === "error") {
    sendAnswer(response, play.serverFailed);
    return "refused";
  }
  const body = lengthenLine(written.json(), faults.lineKilobytes);
  call.thoughtsSent = thoughts;
  call.tokensSent = tokens;
  const answer = { status: 200, headers: written.jsonHeaders, body };
  if (hold?.at === "half") {
    sendHead(play);
    response.write(firstHalf(body));
    if (await holds.pass(response, hold.name)) return "failed";
    if (response.destroyed) return "aborted";
    response.end(Buffer.from(body).subarray(firstHalf(body).length));
    return "completed";
  }
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
