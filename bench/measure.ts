import type { DatabaseCalls } from "./database-calls.ts";
import type { LoadResult } from "./load.ts";
import type { AnswerKind } from "./provider-requests.ts";
import type { Servers, Targets } from "./start-servers.ts";
import type { StreamLoadResult } from "./streams.ts";
import type { Target } from "./targets.ts";
import type { Workload } from "./workloads.ts";

export interface LoadOptions {
  workload: Workload;
  kind: AnswerKind;
  connections: number;
  warmUpMs: number;
  durationMs: number;
}

export interface StreamOptions {
  workload: Workload;
  count: number;
  atOnce: number;
  spreadMs: number;
}

/** Measures servers, and keeps count of what they answered. */
export interface Measure {
  targets: Targets;
  /** As many requests as a server answers in a time. */
  load(target: Target, options: LoadOptions): Promise<LoadResult>;
  /** Streams, each on a new connection. */
  stream(target: Target, options: StreamOptions): Promise<StreamLoadResult>;
  takeDatabaseCalls(): DatabaseCalls;
  /** How many answers of ai-chat each user got. */
  chats: ReadonlyMap<string, number>;
  /** What was wrong with answers, a sentence each. */
  faults: readonly string[];
}

/** Everybody on their own connection; a run is given up where `signal` aborts. */
export function createMeasure(
  { targets, client, people, takeDatabaseCalls }: Servers,
  signal: AbortSignal,
): Measure {
  const chats = new Map(people.map(({ userId }) => [userId, 0]));
  const faults: string[] = [];

  function askAll(target: Target, workload: Workload, kind: AnswerKind, count: number) {
    const asked = Array.from({ length: count }, (_, index) => {
      const person = people[index % people.length];
      if (person === undefined) throw new Error("There is nobody to ask.");
      return { person, ...target.ask(workload, kind, person) };
    });
    return { asked, requests: asked.map(({ request }) => request), marker: asked[0]?.marker ?? "" };
  }

  function note(
    target: Target,
    workload: Workload,
    asked: ReturnType<typeof askAll>["asked"],
    result: { answered: number[]; failed: number; failure: string | undefined },
  ): void {
    if (result.failed > 0)
      faults.push(
        `${target.name}, ${workload.model}: ${result.failed} failed, the first with ${result.failure}`,
      );
    if (!target.isMetered) return;
    for (const [index, { person }] of asked.entries())
      chats.set(person.userId, (chats.get(person.userId) ?? 0) + (result.answered[index] ?? 0));
  }

  return {
    targets,
    async load(target, { workload, kind, connections, warmUpMs, durationMs }) {
      signal.throwIfAborted();
      const { asked, ...load } = askAll(target, workload, kind, connections);
      const result = await client.load({ ...load, port: target.port, warmUpMs, durationMs });
      note(target, workload, asked, result);
      return result;
    },

    async stream(target, { workload, count, atOnce, spreadMs }) {
      signal.throwIfAborted();
      const { asked, ...load } = askAll(target, workload, "stream", count);
      const result = await client.stream({ ...load, port: target.port, atOnce, spreadMs });
      note(target, workload, asked, result);
      return result;
    },

    takeDatabaseCalls,
    chats,
    faults,
  };
}
