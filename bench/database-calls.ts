import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";

export interface DatabaseCalls {
  begin: number;
  settle: number;
  /** Of growing replies that are written down. */
  saveReplies: number;
  /** Those three and any other. */
  all: number;
}

const channel = "http.server.request.start";
const none: Readonly<DatabaseCalls> = { begin: 0, settle: 0, saveReplies: 0, all: 0 };

/**
 * Counts the calls that come to the stack's gateway for PostgREST. The gateway runs in this process, where Node.js announces
 * each request, so that counting needs no further hop.
 */
export function countDatabaseCalls(): { take(): DatabaseCalls; stop(): void } {
  let calls = { ...none };
  const count = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    const path = request.url ?? "";
    if (!path.startsWith("/rest/v1/")) return;
    calls.all++;
    if (path.startsWith("/rest/v1/rpc/begin_chats")) calls.begin++;
    if (path.startsWith("/rest/v1/rpc/settle_chats")) calls.settle++;
    if (path.startsWith("/rest/v1/rpc/save_reply_parts")) calls.saveReplies++;
  };
  subscribe(channel, count);
  return {
    /** What was counted since the last time. */
    take() {
      const taken = calls;
      calls = { ...none };
      return taken;
    },
    stop: () => void unsubscribe(channel, count),
  };
}
