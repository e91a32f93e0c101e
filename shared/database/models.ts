import { SluiceError } from "../domain/errors.ts";
import { type Database, unwrap } from "./database.ts";

/** A model that a caller's plan includes. */
export interface Model {
  id: string;
  name: string;
  /** ISO 8601. */
  createdAt: string;
  contextTokens: number;
  maxOutputTokens: number;
  inputModalities: string[];
  outputModalities: string[];
  supportedParameters: string[];
}

/** The models that people may use. */
export interface Models {
  /** In the order of their ids. */
  list(userId: string): Promise<Model[]>;
  /** @throws SluiceError model_not_found, also where the plan does not include it */
  find(userId: string, id: string): Promise<Model>;
}

/** The models by `list_models`. */
export function createModels(database: Database): Models {
  async function list(userId: string, modelId: string | null): Promise<Model[]> {
    const answer = await database.rpc("list_models", {
      user_id: userId,
      ...(modelId === null ? {} : { model_id: modelId }),
    });
    return (unwrap(answer) as unknown as ModelRow[]).map(readModel);
  }

  return {
    list: (userId) => list(userId, null),
    async find(userId, id) {
      const [model] = await list(userId, id);
      if (model === undefined) throw new SluiceError("model_not_found", { param: "model" });
      return model;
    },
  };
}

interface ModelRow {
  id: string;
  name: string;
  created_at: string;
  context_tokens: number;
  max_output_tokens: number;
  input_modalities: string[];
  output_modalities: string[];
  supported_parameters: string[];
}

function readModel(row: ModelRow): Model {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    contextTokens: row.context_tokens,
    maxOutputTokens: row.max_output_tokens,
    inputModalities: row.input_modalities,
    outputModalities: row.output_modalities,
    supportedParameters: row.supported_parameters,
  };
}
