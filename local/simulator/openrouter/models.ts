/** What is listed of a model: prices in USD a token. */
interface Listed {
  name: string;
  context: number;
  output: number;
  prompt: string;
  completion: string;
  cacheRead?: string;
  cacheWrite?: string;
  inputs?: string[];
}

const seeing = ["text", "image"];

/** The models that the seeds have a route to, and one that costs nothing. The router has no price, as in OpenRouter's own list. */
const models: Record<string, Listed> = {
  "anthropic/claude-haiku-4.5": {
    ...{ name: "Anthropic: Claude Haiku 4.5", context: 200_000, output: 64_000, inputs: seeing },
    ...{ prompt: "0.000001", completion: "0.000005", cacheRead: "0.0000001", cacheWrite: "0.00000125" },
  },
  "anthropic/claude-sonnet-4.5": {
    ...{ name: "Anthropic: Claude Sonnet 4.5", context: 1_000_000, output: 64_000, inputs: seeing },
    ...{ prompt: "0.000003", completion: "0.000015", cacheRead: "0.0000003", cacheWrite: "0.00000375" },
  },
  "deepseek/deepseek-chat-v3.1": {
    ...{
      name: "DeepSeek: DeepSeek V3.1",
      context: 32_768,
      output: 7168,
      prompt: "0.00000015",
      completion: "0.00000075",
    },
  },
  "google/gemini-2.5-flash": {
    ...{ name: "Google: Gemini 2.5 Flash", context: 1_048_576, output: 65_535, inputs: seeing },
    ...{ prompt: "0.0000003", completion: "0.0000025", cacheRead: "0.00000003" },
  },
  "google/gemini-2.5-flash-lite": {
    ...{ name: "Google: Gemini 2.5 Flash Lite", context: 1_048_576, output: 65_535, inputs: seeing },
    ...{ prompt: "0.0000001", completion: "0.0000004", cacheRead: "0.00000001" },
  },
  "openai/gpt-4.1": {
    ...{ name: "OpenAI: GPT-4.1", context: 1_047_576, output: 32_768, inputs: seeing },
    ...{ prompt: "0.000002", completion: "0.000008", cacheRead: "0.0000005" },
  },
  "openai/gpt-4.1-mini": {
    ...{ name: "OpenAI: GPT-4.1 Mini", context: 1_047_576, output: 32_768, inputs: seeing },
    ...{ prompt: "0.0000004", completion: "0.0000016", cacheRead: "0.0000001" },
  },
  "openai/gpt-4.1-nano": {
    ...{ name: "OpenAI: GPT-4.1 Nano", context: 1_047_576, output: 32_768, inputs: seeing },
    ...{ prompt: "0.0000001", completion: "0.0000004", cacheRead: "0.000000025" },
  },
  "openai/gpt-4o": {
    ...{ name: "OpenAI: GPT-4o", context: 128_000, output: 16_384, inputs: seeing },
    ...{ prompt: "0.0000025", completion: "0.00001", cacheRead: "0.00000125" },
  },
  "openai/gpt-4o-mini": {
    ...{ name: "OpenAI: GPT-4o-mini", context: 128_000, output: 16_384, inputs: seeing },
    ...{ prompt: "0.00000015", completion: "0.0000006", cacheRead: "0.000000075" },
  },
  "openai/o4-mini": {
    ...{ name: "OpenAI: o4 Mini", context: 200_000, output: 100_000, inputs: seeing },
    ...{ prompt: "0.0000011", completion: "0.0000044", cacheRead: "0.000000275" },
  },
  "sim/parrot:free": {
    name: "Simulator: Parrot (free)",
    context: 32_768,
    output: 8192,
    prompt: "0",
    completion: "0",
  },
  "openrouter/auto": {
    name: "Auto Router",
    context: 2_000_000,
    output: 2_000_000,
    prompt: "-1",
    completion: "-1",
  },
};

/** `GET models` as OpenRouter answers it. */
export function listModels(): object {
  return { data: Object.entries(models).map(([id, listed]) => describe(id, listed)) };
}

function describe(id: string, { name, context, output, inputs = ["text"], ...prices }: Listed) {
  const { prompt, completion, cacheRead, cacheWrite } = prices;
  return {
    id,
    canonical_slug: id,
    hugging_face_id: "",
    name,
    created: 1_744_316_542,
    description: `${name}, as the simulator has it.`,
    context_length: context,
    architecture: {
      modality: `${inputs.join("+")}->text`,
      input_modalities: inputs,
      output_modalities: ["text"],
      tokenizer: "Other",
      instruct_type: null,
    },
    pricing: {
      ...{ prompt, completion },
      ...(cacheRead === undefined ? {} : { input_cache_read: cacheRead }),
      ...(cacheWrite === undefined ? {} : { input_cache_write: cacheWrite }),
    },
    top_provider: { context_length: context, max_completion_tokens: output, is_moderated: false },
    per_request_limits: null,
    supported_parameters: [
      ...["max_tokens", "reasoning", "response_format", "seed", "stop", "structured_outputs"],
      ...["temperature", "tool_choice", "tools", "top_p"],
    ],
    default_parameters: {},
    knowledge_cutoff: null,
    expiration_date: null,
  };
}
