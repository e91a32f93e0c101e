import { once } from "node:events";
import { connect } from "node:net";
import { createAnswerReader, type HttpAnswer } from "./answer-reader.ts";

export interface HttpConnection {
  /** Sends the bytes of a request and returns its answer. One at a time; throws when the connection breaks. */
  exchange(request: Uint8Array): Promise<HttpAnswer>;
  close(): void;
}

const silenceTimeoutMs = 30_000;

/**
 * Opens a connection to a port of 127.0.0.1 that is kept for any number of requests.
 * @param onBody given each part of a body as it is read
 */
export async function openConnection(port: number, onBody?: (part: Buffer) => void): Promise<HttpConnection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const read = createAnswerReader(() => performance.now(), onBody);
  let waiting: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined;

  socket.on("data", (piece) => {
    try {
      const answer = read(piece);
      if (answer) waiting?.resolve(answer);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  socket.on("error", (error) => waiting?.reject(error));
  socket.on("close", () => waiting?.reject(new Error("the server closed the connection")));
  socket.setTimeout(silenceTimeoutMs, () =>
    socket.destroy(new Error(`nothing was answered for ${silenceTimeoutMs / 1000} s`)),
  );

  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("the server closed the connection"));
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}
