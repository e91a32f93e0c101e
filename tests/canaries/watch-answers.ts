import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { brotliDecompressSync, constants, unzipSync } from "node:zlib";
import type { Finding, Search } from "./secret-search.ts";

interface Answer {
  place: string;
  headers: string[];
  body: Buffer[];
}

interface Message {
  request: { method: string; origin: string; path: string };
  response: { headers: Buffer[]; statusText: string };
  chunk: Buffer;
}

/**
 * Searches every answer that `fetch` gets in this process: its headers, and its body as it is before it was packed. `stop` ends that and
 * returns what was found, with the answers' addresses.
 */
export function watchAnswers(beginSearch: () => Search): { stop(): Finding[] } {
  const open = new Map<object, Answer>();
  const findings: Finding[] = [];

  const listeners: Record<string, (message: Message) => unknown> = {
    headers({ request, response }) {
      const { method, origin, path } = request;
      const headers = [response.statusText, ...response.headers.map(String)];
      open.set(request, { place: `${method} ${origin}${path.replace(/\?.*/, "")}`, headers, body: [] });
    },
    bodyChunkReceived: ({ request, chunk }) => open.get(request)?.body.push(chunk),
    trailers: ({ request }) => close(request),
    error: ({ request }) => close(request),
  };
  const channels = Object.entries(listeners).map(
    ([name, listener]) =>
      [`undici:request:${name}`, (message: unknown) => listener(message as Message)] as const,
  );
  for (const [name, listener] of channels) subscribe(name, listener);
  return {
    stop() {
      for (const [name, listener] of channels) unsubscribe(name, listener);
      for (const request of open.keys()) close(request);
      return findings;
    },
  };

  function close(request: object): void {
    const answer = open.get(request);
    if (!open.delete(request) || !answer) return;
    const { place, headers, body } = answer;
    const encoding = headers.find((_, at) => headers[at - 1]?.toLowerCase() === "content-encoding");
    const search = beginSearch();
    search.add(Buffer.concat([Buffer.from(headers.join("\n")), unpack(Buffer.concat(body), encoding)]));
    for (const slot of search.found) findings.push({ place, slot });
  }
}

/** Undoes the compression of a body, or of the beginning of one that broke off. */
function unpack(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding === undefined || body.length === 0) return body;
  return encoding === "br"
    ? brotliDecompressSync(body, { finishFlush: constants.BROTLI_OPERATION_FLUSH })
    : unzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH });
}
