/** USD, decimals as text: a number would lose digits. */
export interface PriceParts {
  input_usd: string;
  cache_read_usd: string;
  cache_write_usd: string;
  output_usd: string;
  /** Null where reasoning costs what all output costs. */
  reasoning_usd: string | null;
  request_usd: string;
}

/** What a whole call costs whose prompt has so many tokens or more, in these hours. */
export interface PriceTier extends PriceParts {
  min_prompt_tokens: number;
  /** `HH:MM:SS`, up to `utc_until`, which is not part of it and may be 24:00:00. */
  utc_from: string;
  utc_until: string;
}

/** `private.price`. */
export interface Price extends PriceParts {
  tiers: PriceTier[];
}

/** `private.feed_model`: a model as a catalogue describes it. */
export interface FeedModel {
  id: string;
  name: string;
  description: string;
  canonical_slug: string | null;
  hugging_face_id: string | null;
  context_tokens: number;
  max_output_tokens: number;
  modality: string | null;
  input_modalities: string[];
  output_modalities: string[];
  tokenizer: string | null;
  instruct_type: string | null;
  listed_price: Record<string, unknown>;
  supported_parameters: string[];
  default_parameters: Record<string, unknown>;
  is_moderated: boolean | null;
  /** A date of ISO 8601. */
  knowledge_cutoff: string | null;
  released_at: string | null;
  expires_on: string | null;
}

/** `private.feed_route`: a provider's way to a model. */
export interface FeedRoute {
  /** Null where the provider lists its own names alone. */
  model_id: string | null;
  upstream_model: string;
  /** Another name for the same. */
  alias: string | null;
  context_tokens: number | null;
  price: Price | null;
}

/** A model that is left out, and why. */
export interface Quarantined {
  id: string;
  reason: string;
}

/** What a source lists, checked. */
export interface Feed {
  /** How many there were, valid or not. */
  listed: number;
  models: FeedModel[];
  routes: FeedRoute[];
  quarantined: Quarantined[];
}

/** Why a list cannot be used as a whole. The message is ours: it is written down and shown to administrators. */
export class FeedError extends Error {
  override readonly name = "FeedError";
}
