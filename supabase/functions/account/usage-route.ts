import { z } from "zod";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { type Accounts, type UsageQuery, usageGroupings } from "../../../shared/metering/accounts.ts";

interface UsageRouteOptions {
  accounts: Accounts;
  callers: CallerAuthentication;
  /** Milliseconds since the epoch. */
  epochMs(): number;
}

const dayMs = 86_400_000;
const defaultDays = 30;
const maxDays = 366;
const earliest = "2000-01-01T00:00:00.000Z";
const latest = "2100-01-01T00:00:00.000Z";

/** A date, which is its midnight in UTC, or an instant; as ISO 8601 in UTC. */
const moment = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    "must be a date or an instant of ISO 8601, such as 2026-11-20 or 2026-11-20T10:00:00Z",
  )
  .transform((text) => new Date(text).toISOString())
  .refine((time) => time >= earliest && time <= latest, "must lie between 2000 and 2100");

const usageSchema = z.strictObject({
  from: moment.optional(),
  to: moment.optional(),
  groupBy: z.enum(usageGroupings).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(30),
  cursor: z.string().min(1).max(600).optional(),
});

/** Adds `GET account/usage`: what somebody used, in all and by groups. */
export function addUsageRoute(app: App, { accounts, callers, epochMs }: UsageRouteOptions): void {
  app.get("/usage", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "usage");
    context.get("log").note({ userId });
    const query = readQuery(context.req.query(), epochMs());
    const { from, to } = query;
    return context.json({ from, to, ...(await accounts.readUsage(userId, query)) });
  });

  refuseOtherMethods(app, "/usage", ["GET"]);
}

function readQuery(query: Record<string, string>, nowMs: number): UsageQuery {
  const { groupBy = null, limit, cursor, ...given } = parseFields(usageSchema, query);
  const to = given.to ?? new Date(nowMs).toISOString();
  const from = given.from ?? new Date(Date.parse(to) - defaultDays * dayMs).toISOString();
  const length = Date.parse(to) - Date.parse(from);
  if (length <= 0) throw invalid(given.from === undefined ? "to" : "from", "must be a time before to");
  if (length > maxDays * dayMs) throw invalid("from", `must be at most ${maxDays} days before to`);
  return { from, to, groupBy, page: { limit, cursor } };
}

function invalid(param: string, what: string): SluiceError {
  return new SluiceError("invalid_request", { param, message: `${param}: ${what}.` });
}
