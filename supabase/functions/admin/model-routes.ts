import { z } from "zod";
import { modelStatuses } from "../../../shared/catalogue/model-administration.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { readModelId } from "../../../shared/domain/model-id.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { type AdminOptions, readActor } from "./app.ts";
import { modelChange, routesChange } from "./model-change.ts";

const word = storableText.min(1).max(200);

const listSchema = z.strictObject({
  status: z.enum(modelStatuses).optional(),
  category: word.optional(),
  provider: word.optional(),
  plan: word.optional(),
  search: word.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(600).optional(),
});
const noneSchema = z.strictObject({});
const isSomething = (change: object) => Object.values(change).some((value) => value !== undefined);
const oneSchema = z
  .strictObject({ ...modelChange, routes: routesChange.optional() })
  .refine(isSomething, "changes nothing");
const manySchema = z
  .strictObject({
    ids: z.array(word).min(1).max(1000),
    change: z.strictObject(modelChange).refine(isSomething, "changes nothing"),
  })
  .refine(({ ids, change }) => ids.length === 1 || !change.plans?.defaultOf.length, {
    path: ["change", "plans", "defaultOf"],
    error: "can be said of one model alone",
  });

/** Adds the routes by which administrators see and change models, one or many at once. */
export function addModelRoutes(app: App, { models, authenticate }: AdminOptions): void {
  // Ids have slashes, which some clients send as they are.
  const onePath = "/models/:id{.+}";

  app.get("/models", async (context) => {
    await readActor(context, authenticate);
    const { limit, cursor, ...query } = parseFields(listSchema, context.req.query());
    return context.json(await models.list(query, { limit, cursor }));
  });

  app.patch("/models", async (context) => {
    const actorId = await readActor(context, authenticate);
    const { ids, change } = parseFields(manySchema, await readJson(context.req.raw));
    return context.json({ models: await models.change(actorId, [...new Set(ids)], change) });
  });

  app.get(onePath, async (context) => {
    await readActor(context, authenticate);
    parseFields(noneSchema, context.req.query());
    return context.json({ model: await models.find(readModelId(context.req.param("id"))) });
  });

  app.patch(onePath, async (context) => {
    const actorId = await readActor(context, authenticate);
    const change = parseFields(oneSchema, await readJson(context.req.raw));
    const [model] = await models.change(actorId, [readModelId(context.req.param("id"))], change);
    return context.json({ model });
  });

  refuseOtherMethods(app, "/models", ["GET", "PATCH"]);
  refuseOtherMethods(app, onePath, ["GET", "PATCH"]);
}
