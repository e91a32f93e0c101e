import { z } from "zod";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { type AdminOptions, readActor } from "./app.ts";

const moment = z.iso.datetime({ offset: true, error: "must be a moment such as 2026-11-01T00:00:00Z" });
const longestMs = 400 * 24 * 60 * 60 * 1000;
const isPeriod = ({ from, to }: { from: string; to: string }) => {
  const lengthMs = Date.parse(to) - Date.parse(from);
  return lengthMs > 0 && lengthMs <= longestMs;
};
const periodFault = { path: ["to"], error: "must be after from, by at most 400 days" };
const period = { from: moment, to: moment };
const page = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(200).optional(),
};
const revenueSchema = z.strictObject(period).refine(isPeriod, periodFault);
const marginSchema = z.strictObject({ ...period, ...page }).refine(isPeriod, periodFault);
const pageSchema = z.strictObject(page);

/** Adds the routes by which administrators see what comes in beside what is spent. */
export function addRevenueRoutes(app: App, { revenue, reconciliations, authenticate }: AdminOptions): void {
  app.get("/revenue", async (context) => {
    await readActor(context, authenticate);
    return context.json(await revenue.read(parseFields(revenueSchema, context.req.query())));
  });

  app.get("/revenue/margins", async (context) => {
    await readActor(context, authenticate);
    const { limit, cursor, ...asked } = parseFields(marginSchema, context.req.query());
    return context.json(await revenue.listMargins(asked, { limit, cursor }));
  });

  app.get("/reconciliations", async (context) => {
    await readActor(context, authenticate);
    const { limit, cursor } = parseFields(pageSchema, context.req.query());
    return context.json(await reconciliations({ limit, cursor }));
  });

  for (const path of ["/revenue", "/revenue/margins", "/reconciliations"])
    refuseOtherMethods(app, path, ["GET"]);
}
