import fc from "fast-check";
import { expect, test } from "vitest";
import { createAnswerReader, type HttpAnswer } from "../../bench/answer-reader.ts";

const answers = [
  {
    wire: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a":"é"}',
    status: 200,
    body: '{"a":"é"}',
  },
  {
    wire: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\ndata: \r\nB;x=y\r\n0\r\n\r\nlonger\r\n0\r\nx: y\r\n\r\n",
    status: 200,
    body: "data: 0\r\n\r\nlonger",
  },
  { wire: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", status: 503, body: "" },
];

test("answers are read whole, one after another on a connection, wherever the network cuts them", () => {
  const someAnswers = fc.array(fc.constantFrom(...answers), { minLength: 1, maxLength: 4 });
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(someAnswers, lengths, (sent, cuts) => {
      const read = createAnswerReader(() => 0);
      const got = sent.map(({ wire }) => readPieces(read, cut(Buffer.from(wire), cuts)));
      expect(got.map((answer) => ({ status: answer?.status, body: answer?.body.toString() }))).toEqual(
        sent.map(({ status, body }) => ({ status, body })),
      );
    }),
  );
});

test("the body begins when its first byte is read, not when the head is", () => {
  let time = 0;
  const read = createAnswerReader(() => time);
  const pieces = ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n"];
  const answer = readPieces(
    read,
    pieces.map((piece) => Buffer.from(piece)),
    () => time++,
  );
  expect(answer?.bodyBeganMs).toBe(2);
});

test.each([
  ["without a length", "HTTP/1.1 200 OK\r\n\r\n"],
  ["with a chunk that has no size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
  ["with more behind it", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"],
])("an answer %s is refused", (_what, wire) => {
  expect(() => createAnswerReader(() => 0)(Buffer.from(wire))).toThrow();
});

/** Hands over pieces in turn. Only the last may complete the answer. */
function readPieces(
  read: (piece: Buffer) => HttpAnswer | undefined,
  pieces: Buffer[],
  before = () => {},
): HttpAnswer | undefined {
  let answer: HttpAnswer | undefined;
  for (const piece of pieces) {
    expect(answer).toBeUndefined();
    before();
    answer = read(piece);
  }
  return answer;
}

/** Cuts bytes into pieces of the given lengths, over and over. */
function cut(bytes: Buffer, lengths: number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (lengths[turn % lengths.length] as number);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
