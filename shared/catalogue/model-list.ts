import { type Database, unwrap } from "../database/database.ts";
import { SluiceError } from "../domain/errors.ts";
import { type ListedModel, readModel } from "./listed-model.ts";

/** Which models, and how much of them. Conditions hold together. */
export interface ModelQuery {
  id?: string | undefined;
  category?: string | undefined;
  /** One that serves it. */
  provider?: string | undefined;
  /** What goes in or comes out, such as image. */
  modality?: string | undefined;
  /** A part of the id or the name, in any case. */
  search?: string | undefined;
  /** Whether it costs nothing. */
  free?: boolean | undefined;
  /** All that is known of each, and not only what a choice needs. */
  enhanced?: boolean | undefined;
}

/** What a caller is told. */
export interface ModelList {
  /** Of the list and of what it was made of: differs whenever one of them does. */
  version: string;
  /** When the catalogue last changed, ISO 8601. */
  changedAt: string;
  /** In the order of their priority. */
  models: ListedModel[];
  /** The same as JSON. */
  modelsJson: string;
  /** Ids of up to three. */
  recommendedModels: string[];
  /** The model of a request that names none; null where there is none. */
  defaultModel: string | null;
  /** The one that the caller chose, where it cannot be used now; else null. */
  unavailableDefaultModel: string | null;
}

export interface ModelLists {
  /**
   * The models that a caller may use, or a visitor (null): those of the default plan.
   * @throws SluiceError unauthorized, where the caller has no account any more
   */
  read(userId: string | null, query: ModelQuery): Promise<ModelList>;
  /**
   * One of them, and the version of what it was made of.
   * @throws SluiceError model_not_found, also where the plan does not include it
   */
  find(
    userId: string | null,
    id: string,
    enhanced: boolean,
  ): Promise<{ model: ListedModel; version: string }>;
}

/** A list as it was made: `version` is the database's, which is asked each time whether it is still true. */
interface KnownList extends Pick<ModelList, "models" | "modelsJson" | "recommendedModels"> {
  version: string;
}

/** Characters of JSON that one isolate keeps at most, of its 256 MB; beyond it all is made anew. */
const maxKept = 24_000_000;

/**
 * Lists by `list_models`. One that was made before is kept here as JSON, and the database says whether it is still true: what it costs to
 * make is paid once for each change of the catalogue.
 */
export function createModelLists(database: Database): ModelLists {
  /** By query, then by plan. */
  const known = new Map<string, Map<string, KnownList>>();
  let kept = 0;

  function keep(key: string, list: KnownList): void {
    kept += list.modelsJson.length;
    if (kept > maxKept) {
      known.clear();
      kept = list.modelsJson.length;
    }
    const byPlan = known.get(key) ?? new Map<string, KnownList>();
    const plan = planOf(list.version);
    kept -= byPlan.get(plan)?.modelsJson.length ?? 0;
    known.set(key, byPlan.set(plan, list));
  }

  async function read(userId: string | null, query: ModelQuery): Promise<ModelList> {
    const key = JSON.stringify(query);
    const candidates = [...(known.get(key)?.values() ?? [])];
    const answer = await database.rpc("list_models", {
      user_id: userId as string,
      query: { ...query },
      known: candidates.map(({ version }) => version),
    });
    if (answer.error === null && answer.data === null) throw new SluiceError("unauthorized");
    const row = unwrap(answer) as unknown as ListRow;
    const made = row.list && makeList(row.version, row.list);
    if (made !== null) keep(key, made);
    const list = made ?? (candidates.find(({ version }) => version === row.version) as KnownList);
    return {
      ...list,
      version: [row.version, key, row.default_model, row.unavailable_default_model].join(" "),
      changedAt: new Date(row.changed_at).toISOString(),
      defaultModel: row.default_model,
      unavailableDefaultModel: row.unavailable_default_model,
    };
  }

  return {
    read,
    async find(userId, id, enhanced) {
      const { models, version } = await read(userId, { id, enhanced });
      const [model] = models;
      if (model === undefined) throw new SluiceError("model_not_found", { param: "model" });
      return { model, version };
    },
  };
}

function makeList(version: string, { models: rows, recommended }: NonNullable<ListRow["list"]>): KnownList {
  const models = rows.map(readModel<ListedModel>);
  return { version, models, modelsJson: JSON.stringify(models), recommendedModels: recommended };
}

/** A version begins with the plan. */
function planOf(version: string): string {
  return version.slice(0, version.indexOf(" "));
}

interface ListRow {
  version: string;
  changed_at: string;
  default_model: string | null;
  unavailable_default_model: string | null;
  list: { models: unknown[]; recommended: string[] } | null;
}
