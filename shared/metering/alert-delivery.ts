import { type Database, unwrap } from "../database/database.ts";
import { toCamelCase } from "../domain/camel-case.ts";

/** What became of the alerts that were due. */
export interface DeliveryResult {
  delivered: number;
  failed: number;
}

/** A try to deliver an alert that failed. */
export interface DeliveryFailure {
  alertId: string;
  kind: string;
  /** How often it has been tried, this time included. */
  tries: number;
  error: unknown;
}

interface AlertDeliveryOptions {
  database: Database;
  /** Where alerts are posted to. */
  url: URL;
  /** The headers that say who sent a body, and when. */
  sign(message: { id: string; sentAtMs: number; body: string }): Promise<Record<string, string>>;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  epochMs(): number;
}

/**
 * Posts the alerts that are due, at most a few dozen.
 * @throws SluiceError when the database cannot be reached: what was delivered and not recorded will be delivered again
 */
export type DeliverAlerts = (onFailure: (failure: DeliveryFailure) => void) => Promise<DeliveryResult>;

/** At once: a receiver is not flooded. With the number of rounds and the timeout within the minute until the next delivery. */
const maxTogether = 8;
const maxRounds = 8;
const timeoutMs = 5000;

/** Delivers alerts by `claim_alerts` and `report_alerts` to a webhook, each until it is heard: once or more. */
export function createAlertDelivery(options: AlertDeliveryOptions): DeliverAlerts {
  const { database } = options;

  return async (onFailure) => {
    const total = { delivered: 0, failed: 0 };
    for (let round = 0; round < maxRounds; round++) {
      const answer = unwrap(await database.rpc("claim_alerts", { most: maxTogether }));
      const alerts = answer as unknown as AlertRow[];
      if (alerts.length === 0) break;
      const errors = await Promise.all(alerts.map((alert) => post(alert, options)));
      for (const [index, { id, kind, tries }] of alerts.entries())
        if (errors[index] !== null) onFailure({ alertId: id, kind, tries, error: errors[index] });
      const report = unwrap(
        await database.rpc("report_alerts", {
          delivered: alerts.filter((_, index) => errors[index] === null).map(({ id }) => id),
          failed: alerts.filter((_, index) => errors[index] !== null).map(({ id }) => id),
        }),
      ) as unknown as DeliveryResult;
      total.delivered += report.delivered;
      total.failed += report.failed;
    }
    return total;
  };
}

interface AlertRow {
  id: string;
  kind: string;
  data: unknown;
  created_at: string;
  tries: number;
}

/** Posts one alert. Returns what went wrong; null where it was heard. */
async function post(
  { id, kind, data, created_at }: AlertRow,
  { url, sign, fetch, epochMs }: AlertDeliveryOptions,
): Promise<Error | null> {
  const body = JSON.stringify({
    type: kind,
    timestamp: new Date(created_at).toISOString(),
    data: toCamelCase(data),
  });
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(await sign({ id, sentAtMs: epochMs(), body })) },
      body,
      // Whoever answers with another address is not the one who was meant.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel().catch(() => {});
    return response.ok ? null : new Error(`the webhook answered ${response.status}`);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
