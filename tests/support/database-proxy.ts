import { json } from "node:stream/consumers";
import { inject } from "vitest";
import { type LocalServer, startServer } from "./local-server.ts";

export interface DatabaseCall {
  /** Such as `begin_chats`. */
  name: string;
  /** Its items; none where it is not one for many. */
  items: { hold_id: string; user_id?: string }[];
}

/**
 * Puts a server between a function and PostgREST. For each call `handle` decides what the function gets: the answer of
 * `forward`, which makes the call, or null, which breaks the connection off.
 */
export function startDatabaseProxy(
  handle: (call: DatabaseCall, forward: () => Promise<Response>) => Promise<Response | null>,
): Promise<LocalServer> {
  const { apiUrl } = inject("stack");
  return startServer(async (request, response) => {
    const body = (await json(request)) as { items?: DatabaseCall["items"] };
    const name = request.url?.split("/").at(-1) ?? "";
    const answer = await handle({ name, items: body.items ?? [] }, () =>
      fetch(`${apiUrl}${request.url}`, {
        method: request.method ?? "POST",
        headers: { apikey: String(request.headers.apikey), "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
    if (answer === null) response.destroy();
    else response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  });
}
