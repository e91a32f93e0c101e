import { type Database, unwrap } from "../database/database.ts";
import { SluiceError, toSluiceError } from "../domain/errors.ts";
import { type Feed, FeedError } from "./feed.ts";

/** Where models are listed. */
export interface FeedSource {
  /** The provider, as routes name it. */
  name: string;
  /** @throws FeedError, or what the provider's adapter throws */
  read(): Promise<Feed>;
}

/** What became of one source of a run. */
export interface SyncOutcome {
  runId: string;
  source: string;
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
  /** For the log: why. */
  cause?: unknown;
}

export interface SyncRun {
  id: string;
  sources: string[];
  /** ISO 8601. */
  startedAt: string;
  /** Settles when all sources are done; never rejects. */
  ended: Promise<void>;
}

export interface ModelSync {
  /** The sources that there are, in the order in which they are read. */
  sources: string[];
  /**
   * Begins a run, which goes on by itself.
   * @throws SluiceError sync_running while another one is
   */
  start(sources: string[]): Promise<SyncRun>;
  /**
   * What a source lists now would change; nothing is changed.
   * @throws SluiceError feed_unusable, saying what is wrong with the list
   */
  preview(source: string): Promise<FeedPreview>;
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
  onOutcome(outcome: SyncOutcome): void;
}

/** Has the catalogue follow what sources list, by `begin_model_sync`, `apply_model_feed` and `fail_model_sync`. */
export function createModelSync({ database, sources, newId, onOutcome }: ModelSyncOptions): ModelSync {
  const byName = new Map(sources.map((source) => [source.name, source]));

  async function start(names: string[]): Promise<SyncRun> {
    const answer = unwrap(
      await database.rpc("begin_model_sync", { run_id: newId(), sources: names }),
    ) as unknown as { id: string; started_at: string; refusal?: string };
    const run = { id: answer.id, startedAt: new Date(answer.started_at).toISOString() };
    if (answer.refusal !== undefined) throw new SluiceError("sync_running", { detail: { run } });
    return { ...run, sources: names, ended: follow(run.id, names) };
  }

  async function follow(runId: string, names: string[]): Promise<void> {
    // OpenRouter first: the models that it adds are those that others have routes to.
    for (const name of names) onOutcome(await followOne(runId, name));
  }

  async function followOne(runId: string, source: string): Promise<SyncOutcome> {
    try {
      const feed = await readFeed(source);
      const answer = await database.rpc("apply_model_feed", { run_id: runId, source, feed: feed as never });
      return { runId, source, ...readRow(unwrap(answer) as unknown as SyncRow) };
    } catch (cause) {
      const error = describeFailure(cause);
      // Where the database is away, too, the run is given up by the next one.
      await database.rpc("fail_model_sync", { run_id: runId, source, error });
      return { ...{ runId, source, status: "failed", error, cause }, ...nothingChanged };
    }
  }

  function readFeed(source: string): Promise<Feed> {
    const found = byName.get(source);
    if (found === undefined) throw new FeedError(`There is no source ${source}.`);
    return found.read();
  }

  return {
    sources: [...byName.keys()],
    start,
    async preview(source) {
      const feed = await readFeed(source).catch((cause: unknown) => {
        throw new SluiceError("feed_unusable", { message: describeFailure(cause), cause });
      });
      return unwrap(
        await database.rpc("preview_model_feed", { source, feed: feed as never }),
      ) as unknown as FeedPreview;
    },
  };
}

const nothingChanged = {
  ...{ listed: 0, added: 0, updated: 0, inactivated: 0 },
  ...{ returned: 0, heldPrices: 0, quarantined: 0 },
};

type SyncRow = Omit<SyncOutcome, "runId" | "source" | "heldPrices" | "cause"> & { held_prices: number };

function readRow(row: SyncRow): Omit<SyncOutcome, "runId" | "source"> {
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
