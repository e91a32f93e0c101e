import type { ServerResponse } from "node:http";
import { until } from "./pacing.ts";

/** Destroys the connection once half of `chunk` has left: destroyed at once, it would take earlier chunks with it. */
export async function breakOff(response: ServerResponse, chunk: string): Promise<void> {
  await until(response, (wake) => {
    response.write(firstHalf(chunk), () => wake());
    return () => {};
  });
  response.destroy();
}

export function firstHalf(text: string): Buffer {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, bytes.length / 2);
}

/** Fills the first JSON object of a chunk up with a member that nobody knows, to a line of so many kilobytes. */
export function lengthenLine(chunk: string, kilobytes: number): string {
  return kilobytes === 0 ? chunk : chunk.replace("{", () => `{"filler":"${"x".repeat(kilobytes * 1024)}",`);
}
