import type { ServerResponse } from "node:http";
import type { Holds } from "./holds.ts";
import { isObject } from "./is-object.ts";
import { until } from "./pacing.ts";
import type { Asked } from "./wire-format.ts";

const mostPaddingBytes = 1024 ** 3;
const padding = Buffer.alloc(64 * 1024, " ");
const members = ["status", "contentType", "body", "paddingBytes", "cut", "hold"];

/** What a list of models answers in the place of its own. */
interface ListAnswer {
  status: number;
  contentType: string;
  body: Buffer;
  /** Spaces before the body, which JSON may begin with: they are streamed, and never in memory as a whole. */
  paddingBytes: number;
  /** Whether the connection is destroyed after half of the bytes. */
  isCut: boolean;
  /** The hold that it waits at before its headers; null for none. */
  hold: string | null;
}

/** What tests have the lists of models answer, by format. */
export interface Lists {
  /** Throws RangeError, and changes nothing, for what is no answer. */
  set(format: string, given: unknown): void;
  reset(format: string): void;
  /** The answer that was set for what is asked; undefined where nothing was, and for what is no list. */
  find(format: string, asked: Asked): ListAnswer | undefined;
}

export function createLists(): Lists {
  const answers = new Map<string, ListAnswer>();
  return {
    set: (format, given) => void answers.set(format, readAnswer(given)),
    reset: (format) => void answers.delete(format),
    find: (format, { method, path }) =>
      method === "GET" && /^(\/v1(beta)?)?\/models$/.test(path) ? answers.get(format) : undefined,
  };
}

export async function playList(response: ServerResponse, answer: ListAnswer, holds: Holds): Promise<void> {
  if (answer.hold !== null) await holds.pass(response, answer.hold);
  if (response.destroyed) return;
  const size = answer.paddingBytes + answer.body.length;
  response.writeHead(answer.status, ["content-type", answer.contentType, "content-length", String(size)]);
  let left = answer.isCut ? Math.floor(size / 2) : size;
  for (const bytes of piecesOf(answer)) {
    if (left === 0 || response.destroyed) break;
    const piece = bytes.subarray(0, left);
    left -= piece.length;
    // Each has left before the next, and the last before the end: destroyed at once, the connection would take it along.
    await until(response, (wake) => {
      response.write(piece, () => wake());
      return () => {};
    });
  }
  if (answer.isCut) response.destroy();
  else response.end();
}

function* piecesOf({ body, paddingBytes }: ListAnswer): Generator<Buffer> {
  for (let left = paddingBytes; left > 0; left -= padding.length) yield padding.subarray(0, left);
  yield body;
}

function readAnswer(given: unknown): ListAnswer {
  if (!isObject(given)) throw new RangeError("send an object that says what the list answers");
  const unknown = Object.keys(given).find((name) => !members.includes(name));
  if (unknown !== undefined) throw new RangeError(`unknown member "${unknown}": use ${members.join(", ")}`);
  const { status = 200, contentType = "application/json", body = "", paddingBytes = 0 } = given;
  const { cut = false, hold = null } = given;
  if (!isWithin(status, 200, 599)) throw new RangeError("status is a number from 200 to 599");
  if (typeof contentType !== "string" || !/^[\x20-\x7E]+$/.test(contentType))
    throw new RangeError("contentType is a text that a header takes");
  if (typeof body !== "string") throw new RangeError("body is a text");
  if (!isWithin(paddingBytes, 0, mostPaddingBytes))
    throw new RangeError(`paddingBytes is a number up to ${mostPaddingBytes}`);
  if (typeof cut !== "boolean") throw new RangeError("cut is true or false");
  if (hold !== null && (typeof hold !== "string" || !/^[\w.-]+$/.test(hold)))
    throw new RangeError("hold is a name of letters, digits, _, . and -");
  if (cut && paddingBytes + Buffer.byteLength(body) < 2) throw new RangeError("cut needs two bytes at least");
  return { status, contentType, body: Buffer.from(body), paddingBytes, isCut: cut, hold };
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
