import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { type Database, unwrap } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import { toSnakeCase } from "../domain/camel-case.ts";
import { storableText } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import { type ListedModel, type ListedPrice, readModel } from "./listed-model.ts";

export const modelStatuses = ["new", "active", "inactive", "disabled"] as const;
type ModelStatus = (typeof modelStatuses)[number];

/** A way to a model, as administrators see it. */
export interface AdministeredRoute {
  id: number;
  provider: string;
  upstreamModel: string;
  priority: number;
  weight: number;
  contextTokens: number | null;
  isEnabled: boolean;
  /** Whether the provider's own list has it; `unknown`: it never had, or there is none. */
  listing: "unknown" | "listed" | "missing";
  lastSeenAt: string | null;
  /** Null for a route that is never called. */
  price: ListedPrice | null;
  /** One that waits for a second word. */
  heldPrice: ListedPrice | null;
}

/** All that there is about a model. */
export interface AdministeredModel
  extends Required<Omit<ListedModel, "providers" | "price" | "successRate">> {
  status: ModelStatus;
  statusBefore: "new" | "active" | null;
  priority: number;
  imageTokens: number;
  firstTokenMs: number | null;
  routeOrder: "priority" | "cheapest";
  lastSyncedAt: string | null;
  plans: { id: string; isDefault: boolean }[];
  routes: AdministeredRoute[];
  /** How the provider calls of the last day went; null where there was none. */
  rating: { answers: number; broken: number } | null;
}

/** Which models; conditions hold together. */
export interface AdministeredQuery {
  status?: ModelStatus | undefined;
  category?: string | undefined;
  provider?: string | undefined;
  plan?: string | undefined;
  search?: string | undefined;
}

/** What is to be changed of models: see the schema of the function `admin`. What is absent stays. */
export type ModelChange = Record<string, unknown>;

export interface ModelAdministration {
  /** Models of any status, in the order of their ids. */
  list(
    query: AdministeredQuery,
    page: Page,
  ): Promise<{ models: AdministeredModel[]; nextCursor: string | null }>;
  /** @throws SluiceError model_not_found */
  find(id: string): Promise<AdministeredModel>;
  /**
   * Changes all of these models or none, and takes it down in the audit log.
   * @throws SluiceError model_not_found, or invalid_request for a plan or a route that there is not
   */
  change(actorId: string, ids: string[], change: ModelChange): Promise<AdministeredModel[]>;
}

/** Models by `list_all_models` and `change_models`. */
export function createModelAdministration(database: Database): ModelAdministration {
  async function read(query: object, limit: number, after: string | null): Promise<AdministeredModel[]> {
    const answer = await database.rpc("list_all_models", {
      query: { ...query },
      page_limit: limit,
      ...(after === null ? {} : { page_cursor: after }),
    });
    return unwrap(answer).map((row) => readModel<AdministeredModel>(row));
  }

  return {
    async list(query, { limit, cursor }) {
      const after =
        cursor === undefined ? null : readCursor(cursor, z.tuple([storableText.min(1).max(200)]))[0];
      const models = await read(query, limit + 1, after);
      const shown = models.slice(0, limit);
      const last = shown.at(-1);
      return { models: shown, nextCursor: models.length > limit && last ? writeCursor([last.id]) : null };
    },

    async find(id) {
      const [model] = await read({ id }, 1, null);
      if (model === undefined) throw new SluiceError("model_not_found", { param: "model" });
      return model;
    },

    async change(actorId, ids, change) {
      const answer = unwrapChange(
        await database.rpc("change_models", {
          actor_id: actorId,
          model_ids: ids,
          change: toSnakeCase(change) as never,
        }),
      );
      if (answer.refusal !== undefined) throw toError(answer.refusal, answer);
      return answer.models.map((row) => readModel<AdministeredModel>(row));
    },
  };
}

interface ChangeAnswer {
  refusal?: string;
  param?: string;
  value?: string;
  models: unknown[];
}

function unwrapChange(answer: Parameters<typeof unwrap>[0]): ChangeAnswer {
  if (answer.error?.code !== "SL40R") return unwrap(answer) as ChangeAnswer;
  throw new SluiceError("invalid_request", {
    param: "routes",
    message:
      "routes: a route with this id is not one of the model, or there is one to this upstream model already.",
    cause: answer.error.message,
  });
}

/** A refusal about something that there is not. */
export function toError(refusal: string, { param, value }: { param?: string; value?: string }): SluiceError {
  const code = codeOfRefusal(refusal);
  return param === undefined
    ? new SluiceError(code, { message: `There is no model ${value}: nothing was changed.` })
    : new SluiceError(code, { param, message: `${param}: there is no ${value}. Nothing was changed.` });
}
