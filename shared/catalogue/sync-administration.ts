import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import { toCamelCase, toSnakeCase } from "../domain/camel-case.ts";
import { SluiceError } from "../domain/errors.ts";
import type { ListedPrice } from "./listed-model.ts";
import { toError } from "./model-administration.ts";

/** What became of one source of a run. Changes are ids of models, and objects that name routes and prices. */
export interface SyncReport {
  /** Of the run: sources of one run have it in common. */
  id: string;
  source: string;
  status: "running" | "succeeded" | "failed";
  startedAt: string;
  finishedAt: string | null;
  durationMs: number | null;
  error: string | null;
  listed: number;
  added: number;
  updated: number;
  inactivated: number;
  returned: number;
  routesAdded: number;
  heldPrices: number;
  quarantined: number;
  changes: Record<string, unknown> | null;
  quarantine: { id: string; reason: string }[];
}

/** A price that waits for a second word. */
export interface HeldPrice {
  routeId: number;
  model: string;
  provider: string;
  heldAt: string;
  /** The run that held it back. */
  runId: string;
  from: ListedPrice;
  to: ListedPrice;
}

/** Which new models become active by themselves, and for which plan. */
export interface ActivationRule {
  id: number;
  plan: string;
  /** Of ids, as for SQL's `like`: `%:free`. */
  pattern: string;
  isFreeOnly: boolean;
}

/** What an administrator did. */
export interface AuditEntry {
  id: string;
  actorId: string;
  action: string;
  target: string;
  change: Record<string, unknown>;
  /** What was there before; null for what was not. */
  before: Record<string, unknown> | null;
  createdAt: string;
}

interface Paged<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface SyncAdministration {
  /** The last first. */
  listSyncs(page: Page): Promise<Paged<SyncReport>>;
  /** The sources of one run. @throws SluiceError sync_not_found */
  findSync(runId: string): Promise<SyncReport[]>;
  listHeldPrices(): Promise<HeldPrice[]>;
  /** Has the price that a run held back count from now on. @throws SluiceError price_not_found, where another one waits by now, too */
  acceptHeldPrice(actorId: string, held: Pick<HeldPrice, "routeId" | "runId">): Promise<HeldPrice>;
  listRules(): Promise<ActivationRule[]>;
  /** Twice is once. @throws SluiceError invalid_request for a plan that there is not */
  addRule(actorId: string, rule: Omit<ActivationRule, "id">): Promise<ActivationRule>;
  /** @throws SluiceError rule_not_found */
  removeRule(actorId: string, id: number): Promise<void>;
  /** The last first; of one thing where it is named. */
  listAudit(page: Page, target: string | null): Promise<Paged<AuditEntry>>;
}

/** What administrators see and decide, by the functions of the database that are named alike. */
export function createSyncAdministration(database: Database): SyncAdministration {
  return {
    async listSyncs({ limit, cursor }) {
      const position = z.tuple([z.iso.datetime({ offset: true }), z.string().max(40)]);
      const after = cursor === undefined ? null : readCursor(cursor, position);
      const answer = await database.rpc("list_model_syncs", {
        page_limit: limit + 1,
        ...(after === null ? {} : { after_start: after[0], after_source: after[1] }),
      });
      return paged(read<SyncReport>(answer), limit, ({ startedAt, source }) => [startedAt, source]);
    },

    async findSync(runId) {
      const answer = await database.rpc("list_model_syncs", { page_limit: 100, run_id: runId });
      const reports = read<SyncReport>(answer);
      if (reports.length === 0) throw new SluiceError("sync_not_found");
      return reports;
    },

    listHeldPrices: async () => read<HeldPrice>(await database.rpc("list_held_prices")),

    async acceptHeldPrice(actorId, { routeId, runId }) {
      const answer = await database.rpc("accept_held_price", {
        actor_id: actorId,
        route_id: routeId,
        run_id: runId,
      });
      return toCamelCase(unwrapFound(answer, "price_not_found")) as HeldPrice;
    },

    listRules: async () => read<ActivationRule>(await database.rpc("list_activation_rules")),

    async addRule(actorId, rule) {
      const answer = unwrap(
        await database.rpc("add_activation_rule", { actor_id: actorId, rule: toSnakeCase(rule) as never }),
      ) as { refusal?: string; param?: string; value?: string };
      if (answer.refusal !== undefined) throw toError(answer.refusal, answer);
      return toCamelCase(answer) as ActivationRule;
    },

    async removeRule(actorId, id) {
      const wasThere = unwrap(
        await database.rpc("remove_activation_rule", { actor_id: actorId, rule_id: id }),
      );
      if (!wasThere) throw new SluiceError("rule_not_found");
    },

    async listAudit({ limit, cursor }, target) {
      const before = cursor === undefined ? null : readCursor(cursor, z.tuple([z.uuid()]))[0];
      const answer = await database.rpc("list_audit", {
        page_limit: limit + 1,
        ...(before === null ? {} : { page_cursor: before }),
        ...(target === null ? {} : { target }),
      });
      return paged(read<AuditEntry>(answer), limit, ({ id }) => [id]);
    },
  };
}

/** Names within what providers list are theirs. */
const foreign: ReadonlySet<string> = new Set(["listed_price", "default_parameters"]);

function read<Item>(answer: Parameters<typeof unwrap>[0]): Item[] {
  return (unwrap(answer) as unknown[]).map((row) => toCamelCase(row, foreign) as Item);
}

function paged<Item>(items: Item[], limit: number, keyOf: (item: Item) => string[]): Paged<Item> {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, nextCursor: items.length > limit && last ? writeCursor(keyOf(last)) : null };
}
