import type Stripe from "stripe";
import { type Database, unwrap } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import { describeCause } from "../domain/describe-cause.ts";
import { SluiceError } from "../domain/errors.ts";
import { readBillingPrice } from "./billing-price.ts";
import { isHandled } from "./event-subject.ts";
import { atStripe } from "./stripe-client.ts";
import type { StripeSync } from "./stripe-sync.ts";
import { readSeconds } from "./subscription-row.ts";

/** What one run did. */
export interface ReconciliationReport {
  runId: string;
  /** Whether nothing was left for another run. */
  isComplete: boolean;
  /** How many were compared, and how many of them differed and were mended. */
  customers: number;
  drifted: number;
  /** Events that had not been delivered and were done now. */
  events: number;
  /** Customers and events that could not be compared or done. */
  failed: number;
}

/**
 * Compares every customer that was not compared in the last 20 hours with Stripe, and does the events of the last 30 days that Stripe
 * could not deliver; mends what differs. Prices are taken over first. Ends before its time does; the next run goes on.
 * @throws SluiceError reconciliation_running, billing_unavailable, database_unavailable
 */
export type Reconcile = () => Promise<ReconciliationReport>;

interface ReconciliationOptions {
  stripe: Stripe;
  database: Database;
  sync: StripeSync;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  newId(): string;
  writeLog(line: string): void;
}

/** Nobody else would be reached either: those who are left are compared by another run. */
const unreachable: ReadonlySet<string> = new Set(["database_unavailable", "billing_unavailable"]);
/** Well within the time that a worker lives. */
const longestMs = 90_000;
/** Stripe allows 25 calls a second in test mode. */
const together = 4;
const batchSize = 100;
const hour = 60 * 60;

export function createReconciliation(options: ReconciliationOptions): Reconcile {
  const { stripe, database, sync, epochMs, newId, writeLog } = options;

  async function takePrices(): Promise<void> {
    const prices = await atStripe(() =>
      stripe.prices.list({ active: true, limit: 100 }).autoPagingToArray({ limit: 10_000 }),
    );
    const rows = prices.flatMap((price) => readBillingPrice(price) ?? []);
    unwrap(await database.rpc("sync_billing_prices", { prices: rows as never }));
  }

  /** Returns whether all were done. */
  async function followLostEvents(report: ReconciliationReport, endMs: number): Promise<boolean> {
    const lost = await atStripe(() =>
      stripe.events
        .list({
          delivery_success: false,
          created: { gte: Math.floor(epochMs() / 1000) - 30 * 24 * hour },
          limit: 100,
        })
        .autoPagingToArray({ limit: 10_000 }),
    );
    const handled = lost.filter(({ type }) => isHandled(type));
    const answer = await database.rpc("list_undone_events", { event_ids: handled.map(({ id }) => id) });
    const undone = new Set(unwrap(answer) as string[]);
    for (const event of handled.filter(({ id }) => undone.has(id))) {
      if (epochMs() >= endMs) return false;
      await count(report, event.id, async () => {
        const outcome = await sync.followEvent({
          endpoint: "snapshot",
          ...{ id: event.id, type: event.type, isLive: event.livemode, objectPath: null },
          createdAt: readSeconds(event.created),
          account: event.account ?? null,
          object: event.data.object,
        });
        if (outcome === "done") report.events++;
      });
    }
    return true;
  }

  /** Returns whether all were compared. */
  async function compareCustomers(report: ReconciliationReport, endMs: number): Promise<boolean> {
    const before = new Date(epochMs() - 20 * hour * 1000).toISOString();
    for (;;) {
      const answer = await database.rpc("list_customers_to_reconcile", { before, most: batchSize });
      const waiting = unwrap(answer) as string[];
      if (waiting.length === 0) return true;
      const worker = async () => {
        for (let id = waiting.shift(); id !== undefined && epochMs() < endMs; id = waiting.shift())
          await compareCustomer(report, id);
      };
      await Promise.all(Array.from({ length: together }, worker));
      if (epochMs() >= endMs) return false;
    }
  }

  async function compareCustomer(report: ReconciliationReport, customerId: string): Promise<void> {
    const isDone = await count(report, customerId, async () => {
      if (await sync.followCustomer(customerId, { isReconciliation: true })) report.drifted++;
      report.customers++;
    });
    if (!isDone) unwrap(await database.rpc("skip_reconciliation", { customer_id: customerId }));
  }

  /** One that fails does not hold the others up, unless nobody can be reached. Returns whether it was done. */
  async function count(
    report: ReconciliationReport,
    what: string,
    work: () => Promise<void>,
  ): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof SluiceError && unreachable.has(error.code)) throw error;
      report.failed++;
      writeLog(
        JSON.stringify({
          event: "reconciliation_failed",
          runId: report.runId,
          what,
          cause: describeCause(error),
        }),
      );
      return false;
    }
  }

  return async () => {
    const report = { runId: newId(), isComplete: false, customers: 0, drifted: 0, events: 0, failed: 0 };
    const begun = unwrap(await database.rpc("begin_reconciliation", { run_id: report.runId }));
    const { refusal } = begun as { refusal?: string };
    if (refusal !== undefined) throw new SluiceError(codeOfRefusal(refusal));
    const endMs = epochMs() + longestMs;
    try {
      await takePrices();
      const isCaughtUp = await followLostEvents(report, endMs);
      report.isComplete = (await compareCustomers(report, endMs)) && isCaughtUp;
    } catch (error) {
      report.failed++;
      throw error;
    } finally {
      const { runId, isComplete, ...counts } = report;
      await database.rpc("end_reconciliation", {
        run_id: runId,
        outcome: { is_complete: isComplete, ...counts },
      });
    }
    return report;
  };
}
