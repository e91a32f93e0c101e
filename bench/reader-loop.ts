// What ai-chat's streams are compared with: the least that reads an answer in JavaScript and writes each read on. It reads into one
// buffer: a plain reader of Deno's fetch allocates 64 KiB for every read, and collecting them costs more than all the rest.
import { callSimulator } from "./call-simulator.ts";

const bufferBytes = 16 * 1024;

// biome-ignore lint/style/noDefaultExport: the form of an entry that `deno serve` runs.
export default {
  async fetch(request: Request): Promise<Response> {
    const answer = await callSimulator(request);
    if (answer.body === null) return answer;
    const reader = answer.body.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(bufferBytes);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read(new Uint8Array(buffer));
        if (value !== undefined) buffer = value.buffer;
        if (done || value === undefined) controller.close();
        else controller.enqueue(value.slice());
      },
      cancel: () => reader.cancel(),
    });
    return new Response(body, { headers: answer.headers });
  },
};
