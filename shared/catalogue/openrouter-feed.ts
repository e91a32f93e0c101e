import { z } from "zod";
import { storableText } from "../domain/chat-message.ts";
import { sayFault } from "../domain/parse-fields.ts";
import { storableObject } from "../domain/storable-object.ts";
import { type Feed, FeedError, type FeedModel, type FeedRoute, type Quarantined } from "./feed.ts";
import { pricingSchema } from "./openrouter-price.ts";

const maxModels = 20_000;
const shortText = storableText.max(200);
const optionalText = shortText.nullish().transform((text) => text || null);
const tokens = z.int().min(1).max(1_000_000_000);
const words = z
  .array(storableText.min(1).max(60))
  .max(100)
  .transform((list) => [...new Set(list)].toSorted());

/** A date; what has another form, or lies before there were models, tells nothing. */
const date = z
  .string()
  .transform((text) => text.slice(0, 10))
  .pipe(z.iso.date().refine((text) => text >= "1950"))
  .nullish()
  .catch(null)
  .transform((text) => text ?? null);

/** What is kept as it is. */
const object = storableObject.refine((value) => JSON.stringify(value).length <= 20_000, "is too large");

const modelBody = z.object({
  id: storableText.min(1).max(200),
  name: shortText.min(1),
  description: storableText.max(20_000).nullish(),
  canonical_slug: optionalText,
  hugging_face_id: optionalText,
  created: z.int().min(0).max(4_102_444_800),
  context_length: tokens,
  architecture: z.object({
    modality: optionalText,
    input_modalities: words,
    output_modalities: words,
    tokenizer: optionalText,
    instruct_type: optionalText,
  }),
  pricing: pricingSchema,
  listed_price: object,
  top_provider: z.object({
    context_length: tokens.nullish(),
    max_completion_tokens: tokens.nullish(),
    is_moderated: z.boolean().nullish(),
  }),
  supported_parameters: words,
  default_parameters: object.nullish(),
  knowledge_cutoff: date,
  expiration_date: date,
});

const modelFields = modelBody.transform((listed) => ({ model: toModel(listed), route: toRoute(listed) }));

type Listed = z.output<typeof modelFields>;

/** Beside the prices that are charged, the list's own are kept. */
const modelSchema = z.preprocess(
  (entry) =>
    typeof entry === "object" && entry !== null && "pricing" in entry
      ? { ...entry, listed_price: entry.pricing }
      : entry,
  modelFields,
);

const listSchema = z.array(z.unknown()).min(1, "is empty").max(maxModels);

/**
 * Reads OpenRouter's catalogue, `GET /api/v1/models`: `{ data: […] }`, or the list alone. Single models that are not valid, or are listed
 * before, are quarantined. No input or output of its own.
 * @throws FeedError for what is no list, or has no valid model
 */
export function readOpenRouterFeed(json: unknown): Feed {
  const data = Array.isArray(json) ? json : (json as { data?: unknown } | null)?.data;
  const list = listSchema.safeParse(data, { error: sayFault });
  if (!list.success) throw new FeedError(`The list of models ${list.error.issues[0]?.message}.`);

  const valid = new Map<string, Listed>();
  const quarantined: Quarantined[] = [];
  for (const entry of list.data) {
    const read = readModel(entry);
    if ("reason" in read) quarantined.push(read);
    else if (valid.has(read.model.id))
      quarantined.push({ id: read.model.id, reason: "is listed twice: the first one counts" });
    else valid.set(read.model.id, read);
  }
  if (valid.size === 0)
    throw new FeedError(
      `None of the ${list.data.length} models that are listed is valid. The first: ${quarantined[0]?.reason}.`,
    );
  return {
    listed: list.data.length,
    models: [...valid.values()].map(({ model }) => model),
    routes: [...valid.values()].map(({ route }) => route),
    quarantined,
  };
}

function readModel(entry: unknown): Listed | Quarantined {
  const parsed = modelSchema.safeParse(entry, { error: sayFault });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return {
    id: nameOf(entry),
    reason: `${issue?.path.join(".") || "the model"} ${issue?.message ?? "is not valid"}`,
  };
}

function toModel(listed: z.output<typeof modelBody>): FeedModel {
  const { architecture, context_length, top_provider } = listed;
  return {
    id: listed.id,
    name: listed.name,
    description: listed.description ?? "",
    canonical_slug: listed.canonical_slug,
    hugging_face_id: listed.hugging_face_id,
    context_tokens: context_length,
    max_output_tokens: Math.min(top_provider.max_completion_tokens ?? context_length, context_length),
    ...architecture,
    listed_price: listed.listed_price,
    supported_parameters: listed.supported_parameters,
    default_parameters: listed.default_parameters ?? {},
    is_moderated: top_provider.is_moderated ?? null,
    knowledge_cutoff: listed.knowledge_cutoff,
    released_at: new Date(listed.created * 1000).toISOString(),
    expires_on: listed.expiration_date,
  };
}

function toRoute({ id, top_provider, pricing }: z.output<typeof modelBody>): FeedRoute {
  return {
    model_id: id,
    upstream_model: id,
    alias: null,
    context_tokens: top_provider.context_length ?? null,
    price: pricing,
  };
}

/** What a model that is not valid is called in the log. */
function nameOf(entry: unknown): string {
  const id = (entry as { id?: unknown } | null)?.id;
  const text = typeof id === "string" ? id : "(without id)";
  return text
    .slice(0, 200)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, "�");
}
