import type { Sql } from "postgres";

interface QueuedRequest {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer | null;
  timeout_milliseconds: number;
}

/**
 * Does what pg_net does: takes all requests out of `net.http_request_queue`, sends them, and returns when each has its row in
 * `net._http_response`, which is kept for six hours. A request that is under way when the signal is aborted is given up without one.
 */
export async function sendRequests(sql: Sql, signal: AbortSignal): Promise<void> {
  const requests = await sql<QueuedRequest[]>`
    delete from net.http_request_queue returning id, method, url, headers, body, timeout_milliseconds`;
  await Promise.all(requests.map((request) => sendRequest(sql, request, signal)));
  if (requests.length > 0)
    await sql`delete from net._http_response where created < now() - interval '6 hours'`;
}

async function sendRequest(sql: Sql, request: QueuedRequest, signal: AbortSignal): Promise<void> {
  const { id, method, url, headers, body } = request;
  const timeout = AbortSignal.timeout(request.timeout_milliseconds);
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body && new Uint8Array(body),
      signal: AbortSignal.any([timeout, signal]),
    });
    const content = await response.text();
    await sql`
      insert into net._http_response (id, status_code, content_type, headers, content, timed_out)
      values (
        ${id}, ${response.status}, ${response.headers.get("content-type")},
        ${sql.json(Object.fromEntries(response.headers))}, ${content}, false
      )`;
  } catch (error) {
    if (signal.aborted) return;
    await sql`
      insert into net._http_response (id, timed_out, error_msg)
      values (${id}, ${timeout.aborted}, ${reasonOf(error)})`;
  }
}

/** What went wrong: fetch itself says no more than that it failed. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
