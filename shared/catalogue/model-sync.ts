import { type Database, unwrap } from "../database/database.ts";
import { toCamelCase } from "../domain/camel-case.ts";
import { describeCause } from "../domain/describe-cause.ts";
import { SluiceError, toSluiceError } from "../domain/errors.ts";
import { type Feed, FeedError } from "./feed.ts";

/** The providers whose lists are read, in this order: OpenRouter adds the models that others have routes to. */
export const sourceNames = ["openrouter", "openai", "anthropic", "google"] as const;
export type SourceName = (typeof sourceNames)[number];

/** Where models are listed. */
export interface FeedSource {
  name: SourceName;
  /** @throws FeedError, or what the provider's adapter throws */
  read(): Promise<Feed>;
}

/** What became of one source of a run, for the log. */
interface SyncOutcome {
  status: "succeeded" | "failed";
  listed: number;
  added: number;
  updated: number;
  inactivated: number;
  returned: number;
  heldPrices: number;
  quarantined: number;
  /** What went wrong, in our words. */
  error: string | null;
  /** Why, for us. */
  cause?: string;
}

export interface SyncRun {
  id: string;
  sources: SourceName[];
  /** ISO 8601. */
  startedAt: string;
  /** Settles when all sources are done; never rejects. */
  ended: Promise<void>;
}

export interface ModelSync {
  /**
   * Begins a run over one source, or over all that are configured, which goes on by itself. That an administrator (actorId) began it is
   * taken down; a job is nobody.
   * @throws SluiceError sync_running while another one is; not_configured for a source without a key
   */
  start(source: SourceName | undefined, actorId: string | null): Promise<SyncRun>;
  /**
   * What a source lists now would change; nothing is changed.
   * @throws SluiceError feed_unusable, saying what is wrong with the list
   */
  preview(source: SourceName): Promise<FeedPreview>;
}

/** Ids of models; `refusal` says why the list would not be applied, and then there is nothing else. */
export interface FeedPreview {
  listed: number;
  changes: Record<string, unknown>;
  quarantine: { id: string; reason: string }[];
}

interface ModelSyncOptions {
  database: Database;
  sources: FeedSource[];
  newId(): string;
  /** Writes one line of the log for each source of a run. */
  writeLog(line: string): void;
}

/** Has the catalogue follow what sources list, by `begin_model_sync`, `apply_model_feed` and `fail_model_sync`. */
export function createModelSync({ database, sources, newId, writeLog }: ModelSyncOptions): ModelSync {
  const byName = new Map(sources.map((source) => [source.name, source]));

  async function start(source: SourceName | undefined, actorId: string | null): Promise<SyncRun> {
    const names = source === undefined ? sourceNames.filter((name) => byName.has(name)) : [find(source).name];
    const answer = unwrap(
      await database.rpc("begin_model_sync", {
        ...{ run_id: newId(), sources: names },
        ...(actorId === null ? {} : { actor_id: actorId }),
      }),
    ) as unknown as { id: string; started_at: string; refusal?: string };
    const run = { id: answer.id, startedAt: new Date(answer.started_at).toISOString() };
    if (answer.refusal !== undefined) throw new SluiceError("sync_running", { detail: { run } });
    return { ...run, sources: names, ended: follow(run.id, names) };
  }

  async function follow(runId: string, names: SourceName[]): Promise<void> {
    for (const source of names)
      writeLog(JSON.stringify({ event: "model_sync", runId, source, ...(await followOne(runId, source)) }));
  }

  async function followOne(runId: string, source: SourceName): Promise<SyncOutcome> {
    try {
      const feed = await find(source).read();
      const answer = await database.rpc("apply_model_feed", { run_id: runId, source, feed: feed as never });
      return readRow(unwrap(answer) as unknown as SyncRow);
    } catch (cause) {
      const error = describeFailure(cause);
      // Where the database is away, too, the run is given up by the next one.
      await database.rpc("fail_model_sync", { run_id: runId, source, error });
      return { status: "failed", error, cause: describeCause(cause), ...nothingChanged };
    }
  }

  function find(name: SourceName): FeedSource {
    const source = byName.get(name);
    if (source !== undefined) return source;
    throw new SluiceError("not_configured", {
      param: "source",
      message: `source: ${name} cannot be asked for its models: the operator has to set its API key.`,
    });
  }

  return {
    start,
    async preview(source) {
      const feed = await find(source)
        .read()
        .catch((cause: unknown) => {
          throw new SluiceError("feed_unusable", { message: describeFailure(cause), cause });
        });
      const answer = await database.rpc("preview_model_feed", { source, feed: feed as never });
      return toCamelCase(unwrap(answer)) as FeedPreview;
    },
  };
}

const nothingChanged = {
  ...{ listed: 0, added: 0, updated: 0, inactivated: 0 },
  ...{ returned: 0, heldPrices: 0, quarantined: 0 },
};

type SyncRow = Omit<SyncOutcome, "heldPrices" | "cause"> & { held_prices: number };

function readRow(row: SyncRow): SyncOutcome {
  const { status, error, listed, added, updated, inactivated, returned, held_prices, quarantined } = row;
  return {
    ...{ status, error, listed, added, updated, inactivated, returned },
    ...{ heldPrices: held_prices, quarantined },
  };
}

/** What went wrong, for administrators: never a provider's text, or the database's. */
function describeFailure(cause: unknown): string {
  if (cause instanceof FeedError) return cause.message;
  const { code } = toSluiceError(cause);
  return code === "database_unavailable"
    ? "The database did not answer in time."
    : "Something went wrong on our side: the log of the function has the cause.";
}
