import { z } from "zod";
import { sourceNames } from "../../../shared/catalogue/model-sync.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { type AdminOptions, readActor } from "./app.ts";

const page = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(600).optional(),
};
const pageSchema = z.strictObject(page);
const auditSchema = z.strictObject({ ...page, target: storableText.min(1).max(200).optional() });
const noneSchema = z.strictObject({});
const startSchema = z.strictObject({ source: z.enum(sourceNames).optional() });
const previewSchema = z.strictObject({ source: z.enum(sourceNames).default("openrouter") });
/** Which run held the price back: another one may wait by the time somebody has read the first. */
const acceptSchema = z.strictObject({ runId: z.uuid().toLowerCase() });
const ruleSchema = z.strictObject({
  plan: storableText.min(1).max(40),
  pattern: storableText.min(1).max(200).default("%"),
  isFreeOnly: z.boolean().default(false),
});

/** Adds the routes by which administrators sync the catalogue, and decide about prices that wait and models that come. */
export function addSyncRoutes(app: App, { syncs, modelSync, authenticate, keepAlive }: AdminOptions): void {
  app.get("/syncs", async (context) => {
    await readActor(context, authenticate);
    const { limit, cursor } = parseFields(pageSchema, context.req.query());
    const { items, nextCursor } = await syncs.listSyncs({ limit, cursor });
    return context.json({ syncs: items, nextCursor });
  });

  app.post("/syncs", async (context) => {
    const actorId = await readActor(context, authenticate);
    const { source } = parseFields(startSchema, await readJson(context.req.raw));
    const { ended, ...run } = await modelSync.start(source, actorId);
    keepAlive(ended);
    return context.json(run, 202);
  });

  app.post("/syncs/preview", async (context) => {
    await readActor(context, authenticate);
    const { source } = parseFields(previewSchema, await readJson(context.req.raw));
    return context.json(await modelSync.preview(source));
  });

  app.get("/syncs/:id", async (context) => {
    await readActor(context, authenticate);
    parseFields(noneSchema, context.req.query());
    const id = readId(context.req.param("id"), "sync_not_found");
    return context.json({ syncs: await syncs.findSync(id) });
  });

  app.get("/held-prices", async (context) => {
    await readActor(context, authenticate);
    parseFields(noneSchema, context.req.query());
    return context.json({ heldPrices: await syncs.listHeldPrices() });
  });

  app.post("/held-prices/:routeId/accept", async (context) => {
    const actorId = await readActor(context, authenticate);
    const routeId = readNumber(context.req.param("routeId"));
    if (routeId === null) throw new SluiceError("price_not_found");
    const { runId } = parseFields(acceptSchema, await readJson(context.req.raw));
    return context.json({ heldPrice: await syncs.acceptHeldPrice(actorId, { routeId, runId }) });
  });

  app.get("/activation-rules", async (context) => {
    await readActor(context, authenticate);
    parseFields(noneSchema, context.req.query());
    return context.json({ rules: await syncs.listRules() });
  });

  app.post("/activation-rules", async (context) => {
    const actorId = await readActor(context, authenticate);
    const rule = parseFields(ruleSchema, await readJson(context.req.raw));
    return context.json({ rule: await syncs.addRule(actorId, rule) }, 201);
  });

  app.delete("/activation-rules/:id", async (context) => {
    const actorId = await readActor(context, authenticate);
    const id = readNumber(context.req.param("id"));
    if (id === null) throw new SluiceError("rule_not_found");
    await syncs.removeRule(actorId, id);
    return context.body(null, 204);
  });

  app.get("/audit", async (context) => {
    await readActor(context, authenticate);
    const { limit, cursor, target = null } = parseFields(auditSchema, context.req.query());
    const { items, nextCursor } = await syncs.listAudit({ limit, cursor }, target);
    return context.json({ entries: items, nextCursor });
  });

  refuseOtherMethods(app, "/syncs", ["GET", "POST"]);
  refuseOtherMethods(app, "/syncs/preview", ["POST"]);
  refuseOtherMethods(app, "/syncs/:id", ["GET"]);
  refuseOtherMethods(app, "/held-prices", ["GET"]);
  refuseOtherMethods(app, "/held-prices/:routeId/accept", ["POST"]);
  refuseOtherMethods(app, "/activation-rules", ["GET", "POST"]);
  refuseOtherMethods(app, "/activation-rules/:id", ["DELETE"]);
  refuseOtherMethods(app, "/audit", ["GET"]);
}

/** The number that a row is called by; null for what is none. */
function readNumber(text: string): number | null {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
