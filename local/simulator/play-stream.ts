import { breakOff, lengthenLine } from "./broken-chunk.ts";
import { countWritten } from "./count-written.ts";
import { type createPace, untilDrained, untilElapsed, untilGone } from "./pacing.ts";
import type { Outcome, Play } from "./play-reply.ts";

const keepAliveMs = 1000;
const never = Number.POSITIVE_INFINITY;

/** Streams a reply as its faults command, and returns how that ended. */
export async function playStream(play: Play, untilDue: ReturnType<typeof createPace>): Promise<Outcome> {
  const { response, faults, holds, written, call } = play;
  let holdAt = readHoldAt(play);
  let malformedAt = faults.malformedAfterTokens ?? never;
  const endingAt = faults.ending?.afterTokens ?? never;
  let nextFaultAt = Math.min(holdAt, malformedAt, endingAt);
  let kilobytes = faults.lineKilobytes;
  let made = 0;

  /** Does what is due after so many tokens; returns how the stream ended, or null if it goes on. */
  async function misbehave(nextChunk: string): Promise<Outcome | null> {
    if (holdAt <= call.tokensSent) {
      holdAt = never;
      if (await holds.pass(response, faults.hold?.name as string)) return "failed";
    }
    if (response.destroyed) return "aborted";
    if (malformedAt <= call.tokensSent) {
      malformedAt = never;
      response.write(written.broken);
    }
    if (endingAt <= call.tokensSent) return endEarly(play, nextChunk);
    nextFaultAt = Math.min(holdAt, malformedAt, endingAt);
    return null;
  }

  response.write(written.opening);
  if (faults.firstTokenMs > 0) await keepAlive(play, untilElapsed(response, faults.firstTokenMs));
  for (const part of written.parts) {
    if (part.start !== "") response.write(part.start);
    for (const piece of part.pieces) {
      let chunk = part.write(piece);
      if (nextFaultAt <= call.tokensSent && !part.isThought) {
        const ended = await misbehave(chunk);
        if (ended) return ended;
      }
      const wait = untilDue(made);
      if (wait) await wait;
      if (response.writableNeedDrain) await untilDrained(response);
      if (response.destroyed) return "aborted";
      if (kilobytes > 0) {
        chunk = lengthenLine(chunk, kilobytes);
        kilobytes = 0;
      }
      response.write(chunk);
      made += part.tokensPerPiece;
      if (part.isThought) call.thoughtsSent += part.tokensPerPiece;
      else call.tokensSent += part.tokensPerPiece;
    }
    if (part.end !== "") response.write(part.end);
  }
  if (nextFaultAt <= call.tokensSent) {
    const ended = await misbehave(written.closing[0] ?? written.end);
    if (ended) return ended;
  }
  if (response.destroyed) return "aborted";
  for (const chunk of written.closing) response.write(chunk);
  if (faults.endless) await untilGone(response);
  else response.end(written.end);
  return "completed";
}

/** After how many tokens the stream is held. */
function readHoldAt({ faults, written }: Play): number {
  const { at = never } = faults.hold ?? {};
  if (typeof at === "number") return at;
  return at === "half" ? Math.floor(countWritten(written, false) / 2) : never;
}

async function endEarly(play: Play, nextChunk: string): Promise<Outcome> {
  const { response, faults, written } = play;
  switch (faults.ending?.kind) {
    case "cut":
      await breakOff(response, nextChunk);
      return "failed";
    case "error":
      response.end(written.failure);
      return "failed";
    case "stall":
      await keepAlive(play, untilGone(response));
      return "aborted";
    default:
      response.end();
      return "failed";
  }
}

/** Waits, and sends meanwhile what the provider sends while it has nothing to say. */
async function keepAlive({ response, written }: Play, wait: Promise<void>): Promise<void> {
  const timer =
    written.keepAlive === "" ? null : setInterval(() => response.write(written.keepAlive), keepAliveMs);
  await wait;
  if (timer) clearInterval(timer);
}
