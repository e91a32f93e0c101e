import type { Sql } from "postgres";

/** A wire format of the simulator, named like the provider whose it is. */
export type WireFormat = "openai" | "anthropic" | "google";

/** What every request of a run asks the simulator for. */
export interface Workload {
  format: WireFormat;
  /** The model's name in the simulator's format, with commands for the reply. */
  upstreamModel: string;
  /** The same model of ai-chat. */
  model: string;
  /** Of the reply: as many chunks of a stream. */
  tokens: number;
  /** The most that may be asked for. */
  maxTokens: number;
}

const upstreamModels: Record<WireFormat, string> = {
  openai: "gpt-4o-mini",
  anthropic: "claude-haiku-4-5",
  google: "gemini-2.5-flash-lite",
};

/** Replies of 50 tokens as fast as they are read, from each provider; short enough for ai-chat to fetch a JSON answer whole. */
export const short = {
  openai: describe("openai", { tokens: 50 }),
  anthropic: describe("anthropic", { tokens: 50 }),
  google: describe("google", { tokens: 50 }),
};

/** A few tokens, each by itself. */
export const firstTokens = describe("openai", { tokens: 4, tokensPerSecond: 100 });

/** 2,000 chunks: all at once, as fast as they are read, and one by one, as a fast model makes them. */
export const long = {
  atOnce: describe("openai", { tokens: 2000 }),
  oneByOne: describe("openai", { tokens: 2000, tokensPerSecond: 200 }),
};

/** A chunk every 10 ms for three seconds. */
export const paced = describe("openai", { tokens: 300, tokensPerSecond: 100 });
export const pacedPeriodMs = 10;

/** 10,000 chunks in a second. */
export const longest = describe("openai", { tokens: 10_000, tokensPerSecond: 10_000 });

const all = [...Object.values(short), firstTokens, ...Object.values(long), paced, longest];

function describe(
  format: WireFormat,
  { tokens, tokensPerSecond }: { tokens: number; tokensPerSecond?: number },
): Workload {
  const pace = tokensPerSecond === undefined ? "" : `;tps=${tokensPerSecond}`;
  return {
    format,
    upstreamModel: `${upstreamModels[format]};tokens=${tokens}${pace}`,
    model: `bench/${format}-${tokens}${tokensPerSecond === undefined ? "" : `-at-${tokensPerSecond}`}`,
    tokens,
    maxTokens: Math.max(256, tokens),
  };
}

/** Adds the models of ai-chat, with one route each, to a plan. */
export async function createModels(sql: Sql, planId: string): Promise<void> {
  for (const { format, upstreamModel, model } of all)
    await sql.begin(async (transaction) => {
      await transaction`
        insert into private.models (id, name, status, context_tokens, max_output_tokens)
        values (${model}, 'Bench', 'active', 128000, 16384)`;
      await transaction`
        with route as (
          insert into private.model_routes (model_id, provider, upstream_model)
          values (${model}, ${format}, ${upstreamModel}) returning id
        )
        insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
        select id, 0.00000015, 0.000000075, 0.00000015, 0.0000006, '2026-01-01' from route`;
      await transaction`insert into private.plan_models (plan_id, model_id) values (${planId}, ${model})`;
    });
}
