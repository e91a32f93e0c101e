import { describe, expect, test } from "vitest";
import type { ToolCall } from "../../../shared/domain/chat-message.ts";
import type { Usage } from "../../../shared/domain/usage.ts";
import { type Provider, ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { providerRequest, readWholeAnswer } from "./ask-provider.ts";
import { cutAt, cutEvery, streamOf } from "./cut-bytes.ts";
import { hasRecordings } from "./recordings.ts";

/** A streamed answer and what is to be read from it. */
export interface Fixture {
  name: string;
  /** The server-sent events, with LF at the end of lines, to the last blank line. */
  bytes(): string;
  expected: ExpectedAnswer;
  /** Whether the bytes come from the folder of recordings, which may be absent. */
  isRecorded?: boolean;
}

export interface ExpectedAnswer {
  /** All pieces in a row; of a long text the length will do. */
  text: string | number;
  reasoning: string | number;
  toolCalls: ToolCall[];
  reason: Extract<ProviderEvent, { type: "finish" }>["reason"];
  usage: Usage | null;
  /** Checked where it is given. */
  continuation?: string | undefined;
}

export interface AdapterUnderTest {
  name: string;
  create(options: { baseUrl: string; fetch: typeof fetch }): Provider;
  fixtures: Fixture[];
}

const encoder = new TextEncoder();
const byteOrderMark = "\uFEFF";
/** A short stream is cut at every byte; of a long one this many places, spread over it, must do. */
const mostCuts = 1500;
/** Bytes read by all the cuts of one stream together: what a test reads in well under a second. */
const mostBytesRead = 1_500_000;

/** The promises that every adapter keeps, whatever the network does to the bytes of its answers. */
export function describeAdapter({ name, create, fixtures }: AdapterUnderTest): void {
  /** Reads an answer from a network that delivers these pieces, one a read. */
  async function read(body: ReadableStream<Uint8Array>): Promise<ExpectedAnswer> {
    const deliver: typeof fetch = async () =>
      new Response(body, { headers: { "content-type": "text/event-stream" } });
    const provider = create({ baseUrl: "https://provider.test", fetch: deliver });
    const { text, reasoning, toolCalls, finish } = await readWholeAnswer(provider.chat(providerRequest()));
    return {
      text,
      reasoning,
      toolCalls,
      reason: finish.reason,
      usage: finish.usage,
      continuation: finish.continuation,
    };
  }
  const readPieces = (pieces: Uint8Array[]) => read(streamOf(pieces));
  const readText = (text: string) => readPieces([encoder.encode(text)]);

  describe(name, () => {
    for (const fixture of fixtures)
      describe.skipIf(fixture.isRecorded && !hasRecordings)(`${fixture.name}:`, () => {
        test("the answer is read in full", async () => {
          const answer = await readText(fixture.bytes());
          const { text, reasoning } = fixture.expected;
          expect(answer).toEqual({
            continuation: answer.continuation,
            ...fixture.expected,
            text: ofLength(text),
            reasoning: ofLength(reasoning),
          });
        });

        test("it is the same cut in two at every byte", async () => {
          const bytes = encoder.encode(fixture.bytes());
          const whole = await readPieces([bytes]);
          for (const position of positionsIn(bytes.length))
            expect(await readPieces(cutAt(bytes, [position])), `cut at byte ${position}`).toEqual(whole);
        });

        test.each([1, 2, 3, 5, 7, 64])("it is the same in pieces of %i bytes", async (size) => {
          const bytes = encoder.encode(fixture.bytes());
          expect(await readPieces(cutEvery(bytes, size))).toEqual(await readPieces([bytes]));
        });

        test.each<[string, (text: string) => string]>([
          ["with CRLF at the end of its lines", (text) => text.replaceAll("\n", "\r\n")],
          [
            "with comments between its events",
            (text) => text.replaceAll("\n\n", "\n\n: PROCESSING\n\n:\n\n"),
          ],
          ["behind a byte order mark", (text) => byteOrderMark + text],
          [
            "with all of that",
            (text) =>
              byteOrderMark + text.replaceAll("\n\n", "\n\n: PROCESSING\n\n").replaceAll("\n", "\r\n"),
          ],
        ])("it is the same %s", async (_how, rewrite) => {
          const whole = await readText(fixture.bytes());
          const bytes = encoder.encode(rewrite(fixture.bytes()));
          for (const size of [1, 3, 64, bytes.length])
            expect(await readPieces(cutEvery(bytes, size)), `in pieces of ${size} bytes`).toEqual(whole);
        });

        test("cut in half it is an interruption, whether the connection ends or breaks", async () => {
          const bytes = encoder.encode(fixture.bytes());
          const half = bytes.subarray(0, Math.floor(bytes.length / 2));
          for (const end of ["ends", "breaks"] as const) {
            const thrown = await read(cutStream(half, end)).catch((error: unknown) => error);
            expect(thrown, end).toBeInstanceOf(ProviderError);
            expect(thrown, end).toMatchObject({ failure: "interrupted" });
          }
        });

        test("cut off anywhere it is whole or an interruption, never a part that passes for the whole", async () => {
          const bytes = encoder.encode(fixture.bytes());
          const whole = await readPieces([bytes]);
          for (const position of positionsIn(bytes.length)) {
            const answer = await read(cutStream(bytes.subarray(0, position), "ends")).catch(
              (error: unknown) => error,
            );
            if (answer instanceof ProviderError)
              expect(answer, `cut at byte ${position}`).toMatchObject({ failure: "interrupted" });
            // The usage may come after the finish, and is then not known.
            else
              expect(answer, `cut at byte ${position}`).toEqual({
                ...whole,
                usage: expect.toBeOneOf([whole.usage, null]),
              });
          }
        });
      });
  });

  function positionsIn(length: number): number[] {
    const count = Math.min(length, mostCuts, Math.ceil(mostBytesRead / length));
    return Array.from({ length: count }, (_, index) => Math.floor((index * length) / count));
  }
}

function ofLength(wanted: string | number): unknown {
  return typeof wanted === "number" ? expect.toSatisfy((told: string) => told.length === wanted) : wanted;
}

/** A stream of these bytes that then ends, as if it were complete, or breaks. */
function cutStream(bytes: Uint8Array, end: "ends" | "breaks"): ReadableStream<Uint8Array> {
  let isSent = bytes.length === 0;
  return new ReadableStream({
    pull(controller) {
      if (!isSent) controller.enqueue(bytes);
      else if (end === "ends") controller.close();
      else controller.error(new TypeError("terminated"));
      isSent = true;
    },
  });
}
