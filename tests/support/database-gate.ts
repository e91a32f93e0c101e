import { type DatabaseCall, startDatabaseProxy } from "./database-proxy.ts";
import type { LocalServer } from "./local-server.ts";

/** What becomes of the calls of one name that a function makes of its database. */
export interface GateFault {
  name: "begin_chats" | "settle_chats";
  /** Whether the call is carried out before it fails: the first one of a request is, after which it is committed. */
  place: "before" | "after";
  /** What the function gets. Null breaks the connection off, and `nothing` has it wait; later calls for the same request do so, too. */
  answer: { status: number; body: string } | null | "nothing";
}

export type DatabaseGate = LocalServer & {
  /** From now on calls fail so. */
  fail(fault: GateFault): void;
  /** From now on every call breaks off. */
  cut(): void;
  /** From now on calls are carried out. Those that still wait break off. */
  open(): void;
  /** Returns once calls of that name have failed for so many requests since the last `fail` or `cut`. */
  waitForFailures(name: GateFault["name"], requests: number): Promise<void>;
};

const cut = { place: "before", answer: null } as const;

/** Starts a way to the database on which a test fails a function's calls at the point it wants. */
export async function startDatabaseGate(): Promise<DatabaseGate> {
  let fault: GateFault | "cut" | null = null;
  /** The requests whose calls have failed, by the name of the call. */
  let failed = new Map<string, Set<string>>();
  let changed = Promise.withResolvers<null>();
  const waiting = new Set<() => void>();

  async function handle(call: DatabaseCall, forward: () => Promise<Response>): Promise<Response | null> {
    if (fault === null) return forward();
    const requests = call.items.map(({ hold_id }) => hold_id);
    const { name, place, answer } = fault === "cut" ? { ...cut, name: call.name } : fault;
    const hasFailed = (request: string) => failed.get(name)?.has(request) ?? false;
    const isLasting = answer === null || answer === "nothing";
    if (call.name !== name && !(isLasting && requests.some(hasFailed))) return forward();
    if (call.name === name && place === "after" && !requests.every(hasFailed))
      await (await forward()).arrayBuffer();
    failed.set(call.name, new Set([...(failed.get(call.name) ?? []), ...requests]));
    for (const check of waiting) check();
    if (answer === "nothing") return changed.promise;
    return answer === null ? null : new Response(answer.body, { status: answer.status });
  }

  function change(next: typeof fault): void {
    fault = next;
    failed = new Map();
    changed.resolve(null);
    changed = Promise.withResolvers();
  }

  const server = await startDatabaseProxy(handle);
  return {
    ...server,
    fail: change,
    cut: () => change("cut"),
    open: () => change(null),
    waitForFailures: (name, requests) =>
      new Promise((resolve) => {
        function check() {
          if ((failed.get(name)?.size ?? 0) < requests) return;
          waiting.delete(check);
          resolve();
        }
        waiting.add(check);
        check();
      }),
  };
}
