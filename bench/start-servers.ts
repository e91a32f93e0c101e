import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { Child } from "../local/child-process.ts";
import { functionEnvironment } from "../local/function-environment.ts";
import { type RunningFunction, startFunction } from "../local/functions.ts";
import { chooseSettings } from "../local/settings.ts";
import { startStack } from "../local/stack.ts";
import { countDatabaseCalls, type DatabaseCalls } from "./database-calls.ts";
import { createPeople, type Person } from "./people.ts";
import { type LoadClient, startClient } from "./start-client.ts";
import { startPeer } from "./start-peer.ts";
import { startProxy } from "./start-proxy.ts";
import { aiChatTarget, openaiRouteTarget, peerTarget, providerTarget, type Target } from "./targets.ts";
import { createModels } from "./workloads.ts";

/** The servers under load, all in front of one simulator. */
export interface Targets {
  /** The simulator itself. */
  simulator: Target;
  passThrough: Target;
  readerLoop: Target;
  aiChat: Target;
  /** The same process, by OpenAI's route. */
  openaiRoute: Target;
  /** ai-chat in a process that nothing else asks: memory that was taken once is given back late or never. */
  freshAiChat: Target;
  /** Only where it was asked for. */
  peer: Target | null;
}

/** What a run needs: the servers, who asks them, and the database behind. */
export interface Servers {
  targets: Targets;
  client: LoadClient;
  people: Person[];
  /** As the owner of the tables. */
  sql: Sql;
  takeDatabaseCalls(): DatabaseCalls;
  stop(): Promise<void>;
}

interface ServerOptions {
  directory: string;
  peopleCount: number;
  withPeer: boolean;
  signal: AbortSignal;
}

const planId = "bench";
const apiKey = "sk-bench";

/**
 * Starts an empty stack in `directory`, and beside it the proxies and an ai-chat that is called without the gateway, as on Supabase,
 * where the gateway is not ours. Throws, with nothing left running, when something does not start.
 */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const parts: { stop(): Promise<void> }[] = [];
  const own = <T extends { stop(): Promise<void> }>(part: T): T => {
    parts.unshift(part);
    return part;
  };
  const stop = async () => {
    for (const part of parts.splice(0)) await part.stop();
  };
  try {
    return { ...(await startParts(options, own)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  { directory, peopleCount, withPeer, signal }: ServerOptions,
  own: <T extends { stop(): Promise<void> }>(part: T) => T,
): Promise<Omit<Servers, "stop">> {
  // Not the developer's environment or .env: a provider that costs money is never called.
  // Nor does any job run meanwhile: what is measured is what is asked for.
  const stack = await startStack({ directory, reset: true, environment: {}, schedules: false, signal });
  own({ stop: stack.stop });
  const { apiUrl, dbUrl, simulatorUrl } = stack.description;
  const keySet = await (await fetch(`${apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const env = functionEnvironment(stack.description, keySet, chooseSettings({}, simulatorUrl).settings);
  const startAiChat = async (name: string) =>
    own(await startFunction("ai-chat", { env, logFile: join(directory, "logs", `${name}.log`) }));
  const aiChat = await startAiChat("measured-ai-chat");
  const freshAiChat = await startAiChat("fresh-ai-chat");
  const proxy = { env: { SIMULATOR_URL: simulatorUrl, API_KEY: apiKey }, directory };
  const passThrough = own(await startProxy("pass-through", proxy));
  const readerLoop = own(await startProxy("reader-loop", proxy));
  const peer = withPeer ? own(await startPeer(directory)) : null;
  const client = own(startClient());
  const sql = postgres(dbUrl, { max: 1 });
  own({ stop: () => sql.end() });
  const people = await createPeople(sql, stack.signIn, { planId, count: peopleCount });
  await createModels(sql, planId);
  const calls = countDatabaseCalls();
  own({ stop: async () => calls.stop() });

  const named = (name: string, { pid, port }: Child & { port: number }) => ({ name, pid, port });
  const served = (name: string, { pid, url }: RunningFunction) => ({ name, pid, port: portOf(url) });
  return {
    targets: {
      // It runs in this process.
      simulator: providerTarget({ name: "simulator", pid: process.pid, port: portOf(simulatorUrl) }, apiKey),
      passThrough: providerTarget(named("pass-through", passThrough), apiKey),
      readerLoop: providerTarget(named("reader loop", readerLoop), apiKey),
      aiChat: aiChatTarget(served("ai-chat", aiChat)),
      openaiRoute: openaiRouteTarget(served("ai-chat /v1", aiChat)),
      freshAiChat: aiChatTarget(served("ai-chat", freshAiChat)),
      peer: peer && peerTarget(named("peer", peer), `${simulatorUrl}/openai/v1`, apiKey),
    },
    client,
    people,
    sql,
    takeDatabaseCalls: calls.take,
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
