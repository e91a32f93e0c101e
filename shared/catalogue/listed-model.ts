import type { Price, PriceParts } from "./feed.ts";

/** USD, decimals as text: per token, and `requestUsd` per call. */
interface ListedPriceParts {
  inputUsd: string;
  cacheReadUsd: string;
  cacheWriteUsd: string;
  outputUsd: string;
  /** Null where reasoning costs what all output costs. */
  reasoningUsd: string | null;
  requestUsd: string;
}

/** A model as callers are told of it. */
export interface Listed {
  id: string;
  name: string;
  category: string | null;
  tags: string[];
  /** Who serves it. */
  providers: string[];
  contextTokens: number;
  maxOutputTokens: number;
  inputModalities: string[];
  outputModalities: string[];
  supportedParameters: string[];
  /** What the provider that is tried first charges; tiers take its place for longer prompts, or at some hours (UTC). */
  price: ListedPriceParts & {
    tiers: (ListedPriceParts & { minPromptTokens: number; utcFrom: string; utcUntil: string })[];
  };
  /** What each caller may use of it. */
  limits: { unit: string; window: string; amount: number }[];
  /** When it was added to the catalogue, ISO 8601. */
  createdAt: string;
  /** The rest is there where all of it is asked for. */
  description?: string;
  canonicalSlug?: string | null;
  huggingFaceId?: string | null;
  modality?: string | null;
  tokenizer?: string | null;
  instructType?: string | null;
  listedPrice?: Record<string, unknown>;
  defaultParameters?: Record<string, unknown>;
  isModerated?: boolean | null;
  knowledgeCutoff?: string | null;
  releasedAt?: string | null;
  expiresOn?: string | null;
  /** Of the answers of the last day those that were completed, from 0 to 1; null where there was none. */
  successRate?: number | null;
}

/** A model as the database describes it. */
export interface ModelRow extends Record<string, unknown> {
  price: Price;
}

/** A row of `describe_models`. The names within listed_price and default_parameters are the provider's, and stay. */
export function readModel({ price, ...row }: ModelRow): Listed {
  const members = Object.entries(row).map(([name, value]) => [toCamelCase(name), value]);
  return { ...Object.fromEntries(members), price: readPrice(price) };
}

function readPrice({ tiers, ...parts }: Price): Listed["price"] {
  return {
    ...readParts(parts),
    tiers: tiers.map(({ min_prompt_tokens, utc_from, utc_until, ...tier }) => ({
      ...{ minPromptTokens: min_prompt_tokens, utcFrom: utc_from, utcUntil: utc_until },
      ...readParts(tier),
    })),
  };
}

function readParts(parts: PriceParts): ListedPriceParts {
  return {
    inputUsd: parts.input_usd,
    cacheReadUsd: parts.cache_read_usd,
    cacheWriteUsd: parts.cache_write_usd,
    outputUsd: parts.output_usd,
    reasoningUsd: parts.reasoning_usd,
    requestUsd: parts.request_usd,
  };
}

function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
