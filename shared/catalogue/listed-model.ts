import { toCamelCase } from "../domain/camel-case.ts";

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

/** A price; tiers take its place for longer prompts, or at some hours (UTC). */
export interface ListedPrice extends ListedPriceParts {
  tiers: (ListedPriceParts & { minPromptTokens: number; utcFrom: string; utcUntil: string })[];
}

/** A model as callers are told of it. */
export interface ListedModel {
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
  /** What the provider that is tried first charges. */
  price: ListedPrice;
  /** What each caller may use of it. */
  limits: { unit: string; window: string; amount: number }[];
  /** When it was added to the catalogue, ISO 8601. */
  createdAt: string;
  /** From here on there where all of it is asked for. */
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

/** Members of models whose own members have the providers' names. */
const foreign: ReadonlySet<string> = new Set(["listed_price", "default_parameters"]);

/** A model as the database describes it, in the API's spelling. */
export function readModel<Model>(row: unknown): Model {
  return toCamelCase(row, foreign) as Model;
}
