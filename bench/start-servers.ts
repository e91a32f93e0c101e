import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { functionEnvironment } from "../local/function-environment.ts";
import { startFunction } from "../local/functions.ts";
import { chooseSettings } from "../local/settings.ts";
import { startStack } from "../local/stack.ts";
import { countDatabaseCalls, type DatabaseCalls } from "./database-calls.ts";
import { createPeople, type Person } from "./people.ts";
import { type LoadClient, startClient } from "./start-client.ts";
import { startPassThrough } from "./start-pass-through.ts";
import { aiChatTarget, passThroughTarget, type Target } from "./targets.ts";

/** What a run needs: the two servers in front of one simulator, who asks them, and the database behind. */
export interface Servers {
  passThrough: Target;
  aiChat: Target;
  client: LoadClient;
  people: Person[];
  /** As the owner of the tables. */
  sql: Sql;
  takeDatabaseCalls(): DatabaseCalls;
  stop(): Promise<void>;
}

/**
 * Starts an empty stack in `directory`, and beside it the pass-through proxy and an ai-chat that is called without the gateway,
 * as on Supabase, where the gateway is not ours. Throws, with nothing left running, when something does not start.
 */
export async function startServers(
  directory: string,
  peopleCount: number,
  signal: AbortSignal,
): Promise<Servers> {
  const parts: { stop(): Promise<void> }[] = [];
  const own = <T extends { stop(): Promise<void> }>(part: T): T => {
    parts.unshift(part);
    return part;
  };
  const stop = async () => {
    for (const part of parts.splice(0)) await part.stop();
  };
  try {
    // Not the developer's environment or .env: a provider that costs money is never called.
    const {
      description,
      signIn,
      stop: stopStack,
    } = await startStack({
      directory,
      reset: true,
      environment: {},
      signal,
    });
    own({ stop: stopStack });
    const { settings } = chooseSettings({}, description.simulatorUrl);
    const keySet = await (await fetch(`${description.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
    const logFile = join(directory, "logs", "measured-ai-chat.log");
    const env = functionEnvironment(description, keySet, settings);
    const aiChat = own(await startFunction("ai-chat", { env, logFile }));
    const passThrough = own(await startPassThrough(settings, directory));
    const client = own(startClient());
    const sql = postgres(description.dbUrl, { max: 1 });
    own({ stop: () => sql.end() });
    const people = await createPeople(sql, signIn, peopleCount);
    const calls = countDatabaseCalls();
    own({ stop: async () => calls.stop() });
    return {
      passThrough: passThroughTarget(passThrough.port),
      aiChat: aiChatTarget(Number(new URL(aiChat.url).port)),
      client,
      people,
      sql,
      takeDatabaseCalls: calls.take,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
