import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";

export interface DatabaseCalls {
  begin: number;
  settle: number;
  /** Those two and any other. */
  all: number;
}

const channel = "http.server.request.start";

/**
 * Counts the calls that come to the stack's gateway for PostgREST. The gateway runs in this process, where Node.js announces
 * each request, so that counting needs no further hop.
 */
export function countDatabaseCalls(): { take(): DatabaseCalls; stop(): void } {
  let calls: DatabaseCalls = { begin: 0, settle: 0, all: 0 };
  const count = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    const path = request.url ?? "";
    if (!path.startsWith("/rest/v1/")) return;
    calls.all++;
    if (path.startsWith("/rest/v1/rpc/begin_chats")) calls.begin++;
    if (path.startsWith("/rest/v1/rpc/settle_chats")) calls.settle++;
  };
  subscribe(channel, count);
  return {
    /** What was counted since the last time. */
    take() {
      const taken = calls;
      calls = { begin: 0, settle: 0, all: 0 };
      return taken;
    },
    stop: () => void unsubscribe(channel, count),
  };
}
