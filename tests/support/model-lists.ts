/** A model as OpenRouter lists it. */
export interface ListedModel {
  id: string;
  name: string;
  context_length: number;
  pricing: Record<string, unknown>;
  [field: string]: unknown;
}

/** A valid one, but for what is given. */
export function listedModel(id: string, fields: Record<string, unknown> = {}): ListedModel {
  return {
    id,
    canonical_slug: id,
    hugging_face_id: null,
    name: `Model ${id}`,
    created: 1_750_000_000,
    description: "Answers.",
    context_length: 8000,
    architecture: {
      modality: "text->text",
      input_modalities: ["text"],
      output_modalities: ["text"],
      tokenizer: "Other",
      instruct_type: null,
    },
    pricing: { prompt: "0.000001", completion: "0.000004" },
    top_provider: { context_length: 8000, max_completion_tokens: 2000, is_moderated: false },
    supported_parameters: ["max_tokens", "temperature"],
    default_parameters: {},
    knowledge_cutoff: null,
    expiration_date: null,
    ...fields,
  };
}
