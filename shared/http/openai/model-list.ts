import type { OpenAI } from "openai";

interface Model {
  id: string;
  /** ISO 8601. */
  createdAt: string;
}

/** The shape of `GET v1/models`. */
export function writeModels(models: Model[]) {
  return { object: "list", data: models.map(writeModel) };
}

/** The shape of `GET v1/models/:id`. The owner is the part of the id before the slash. */
export function writeModel({ id, createdAt }: Model): OpenAI.Model {
  const slash = id.indexOf("/");
  return {
    id,
    object: "model",
    created: Math.floor(Date.parse(createdAt) / 1000),
    owned_by: slash > 0 ? id.slice(0, slash) : "sluice",
  };
}
