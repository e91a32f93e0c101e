import { createBatcher } from "../database/batcher.ts";
import { type Database, isItemFault, unwrap } from "../database/database.ts";
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

/** The models of a list. */
export interface ModelList {
  /** In the order of their priority. */
  models: ListedModel[];
  /** The same as JSON. */
  modelsJson: string;
  /** Ids of up to three. */
  recommendedModels: string[];
}

/** What a caller is told, of which the list itself need not be read: its version says whether it is one that is known already. */
export interface OpenList {
  /** Differs whenever the list, or what is told beside it, does. */
  version: string;
  /** When the catalogue last changed, ISO 8601. */
  changedAt: string;
  /** The model of a request that names none; null where there is none. */
  defaultModel: string | null;
  /** The one that the caller chose, where it cannot be used now; else null. */
  unavailableDefaultModel: string | null;
  read(): Promise<ModelList>;
}

export interface ModelLists {
  /**
   * The models that a caller may use, or a visitor (null): those of the default plan.
   * @throws SluiceError unauthorized, where the caller has no account any more
   */
  open(userId: string | null, query: ModelQuery): Promise<OpenList>;
}

/** A list as it was made, and of which version of the catalogue. */
interface MadeList extends ModelList {
  version: string;
}

/** Characters of JSON that one isolate keeps at most, beside the same as objects, of its 256 MB; beyond it all is made anew. */
const maxKept = 12_000_000;
/** What a list takes beside its JSON, in characters: there may be many short ones. */
const overhead = 2000;
/** As many as ask in one call. */
const maxTogether = 100;

/**
 * Lists by `find_model_lists`, which says each time which plan and which version of the catalogue counts, and `make_model_list`, whose
 * answer is kept here for as long as its version is that one: what a list costs to make is paid once for each change of the catalogue.
 */
export function createModelLists(database: Database): ModelLists {
  /** By plan and query. */
  const made = new Map<string, MadeList>();
  /** Those that are being made: who comes meanwhile waits for the same. */
  const making = new Map<string, Promise<MadeList>>();
  let kept = 0;

  const find = createBatcher<string | null, ListRow | null>({
    async send(userIds) {
      return unwrap(
        await database.rpc("find_model_lists", { user_ids: userIds as string[] }),
      ) as unknown as (ListRow | null)[];
    },
    maxItems: maxTogether,
    countUnits: () => 40,
    isItemFault,
  });

  async function make(plan: string, version: string, query: ModelQuery): Promise<MadeList> {
    const answer = await database.rpc("make_model_list", { plan_id: plan, query: { ...query } });
    const list = unwrap(answer) as unknown as { models: unknown[]; recommended: string[] };
    const models = list.models.map(readModel<ListedModel>);
    return { version, models, modelsJson: JSON.stringify(models), recommendedModels: list.recommended };
  }

  function keep(key: string, list: MadeList): void {
    const sizeOf = (known: MadeList | undefined) => (known ? known.modelsJson.length + overhead : 0);
    kept += sizeOf(list) - sizeOf(made.get(key));
    if (kept > maxKept) {
      made.clear();
      kept = sizeOf(list);
    }
    made.set(key, list);
  }

  /** The list of a plan as it is, or was made after this version was asked for. */
  async function get({ plan_id: plan, version }: ListRow, query: ModelQuery): Promise<MadeList> {
    const key = `${plan} ${JSON.stringify(query)}`;
    const known = made.get(key);
    if (known?.version === version) return known;
    const name = `${version} ${key}`;
    let list = making.get(name);
    if (list === undefined) {
      list = make(plan, version, query).finally(() => making.delete(name));
      making.set(name, list);
      list.then(
        (whole) => keep(key, whole),
        () => {},
      );
    }
    return list;
  }

  return {
    async open(userId, query) {
      const row = await find(userId);
      if (row === null) throw new SluiceError("unauthorized");
      return {
        version: JSON.stringify([row, query]),
        changedAt: new Date(row.changed_at).toISOString(),
        defaultModel: row.default_model,
        unavailableDefaultModel: row.unavailable_default_model,
        read: () => get(row, query),
      };
    },
  };
}

/**
 * The only model of a list that was asked for by an id.
 * @throws SluiceError model_not_found, also where the plan does not include it
 */
export function onlyModel([model]: ListedModel[]): ListedModel {
  if (model === undefined) throw new SluiceError("model_not_found", { param: "model" });
  return model;
}

interface ListRow {
  plan_id: string;
  version: string;
  changed_at: string;
  default_model: string | null;
  unavailable_default_model: string | null;
}
