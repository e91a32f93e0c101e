import { type Database, unwrap } from "../../shared/database/database.ts";
import { timeOrderedId } from "../../shared/domain/time-ordered-id.ts";
import { createMetering, type Hold } from "../../shared/metering/metering.ts";

/** Begins and settles one chat. @throws Error when it is refused */
type Cycle = (userId: string) => Promise<void>;

const usage = {
  inputTokens: 22,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 50,
  reasoningTokens: 0,
};

/** As most calls are made. */
const key = { credentialId: "env:openai:0123456789ab" };

/** Cycles as the functions make them: what comes while a call is out goes together. */
export function createBatchedCycle(database: Database): Cycle {
  const metering = createMetering(database, null);
  return async (userId) => {
    const holdId = timeOrderedId(Date.now());
    const { routes } = (await metering.begin({
      holdId,
      caller: { userId },
      model: undefined,
      provider: undefined,
      conversationId: null,
      continues: false,
      firstText: "",
      prompt: { bytes: 120, messages: 1, images: 0, overheadTokens: 0 },
      takesPreferences: true,
      takesSystemPrompt: true,
      outputModality: "text",
      needs: [],
      maxOutputTokens: 256,
      idempotency: null,
      fallsBack: false,
    })) as Hold;
    const priceId = routes[0]?.priceId as number;
    const charges = [{ attempt: 1, priceId, outcome: "completed" as const, usage, outputBytes: 200, ...key }];
    await metering.settle({ holdId, charges, messages: [] });
  };
}

/** Cycles whose calls go out one by one. */
export function createSingleCycle(database: Database): Cycle {
  return async (userId) => {
    const hold_id = timeOrderedId(Date.now());
    const begin = {
      ...{
        hold_id,
        user_id: userId,
        model_id: null,
        provider: null,
        conversation_id: null,
        continues: false,
      },
      ...{ first_text: "", prompt_bytes: 120, prompt_messages: 1, images: 0, overhead_tokens: 0 },
      ...{ output_modality: "text", needs: [], max_output_tokens: 256 },
    };
    const [hold] = unwrap(await database.rpc("begin_chats", { items: [begin] })) as unknown as [
      { refusal?: string; routes: { price_id: number }[] },
    ];
    if (hold.refusal !== undefined) throw new Error(`a chat was refused: ${hold.refusal}`);
    const charge = {
      ...{
        attempt: 1,
        price_id: hold.routes[0]?.price_id as number,
        outcome: "completed",
        output_bytes: 200,
      },
      ...{
        input_tokens: 22,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: 50,
        reasoning_tokens: 0,
      },
    };
    unwrap(await database.rpc("settle_chats", { items: [{ hold_id, charges: [charge], messages: [] }] }));
  };
}

interface RunOptions {
  cycle: Cycle;
  users: string[];
  connections: number;
  warmUpMs: number;
  durationMs: number;
}

/** Runs as many cycles as there is time for. Returns how many a second after warming up, and how many in all. */
export async function runCycles(options: RunOptions): Promise<{ perSecond: number; count: number }> {
  const { cycle, users, connections, warmUpMs, durationMs } = options;
  const from = performance.now() + warmUpMs;
  const until = from + durationMs;
  let [count, counted, next] = [0, 0, 0];
  async function loop(): Promise<void> {
    while (performance.now() < until) {
      await cycle(users[next++ % users.length] as string);
      count++;
      const time = performance.now();
      if (time >= from && time < until) counted++;
    }
  }
  await Promise.all(Array.from({ length: connections }, loop));
  return { perSecond: (counted * 1000) / durationMs, count };
}
