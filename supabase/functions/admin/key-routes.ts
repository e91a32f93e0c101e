import { z } from "zod";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { providerKey } from "../../../shared/domain/provider-key.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { type AdminOptions, readActor } from "./app.ts";

const noneSchema = z.strictObject({});
const decided = {
  name: storableText.trim().max(100).optional(),
  weight: z.int().min(1).max(1_000_000).optional(),
};
const addSchema = z.strictObject({
  provider: storableText.min(1).max(40),
  key: providerKey,
  ...decided,
});
const changeSchema = z
  .strictObject({ ...decided, isEnabled: z.boolean().optional() })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "changes nothing");
const rotateSchema = z.strictObject({ key: providerKey });

/** Adds the routes by which administrators run the platform's pool of provider keys. A key goes in and never comes out. */
export function addKeyRoutes(app: App, { keyPool, authenticate }: AdminOptions): void {
  app.get("/provider-keys", async (context) => {
    await readActor(context, authenticate);
    parseFields(noneSchema, context.req.query());
    return context.json({ providerKeys: await keyPool.list() });
  });

  app.post("/provider-keys", async (context) => {
    const actorId = await readActor(context, authenticate);
    const given = parseFields(addSchema, await readJson(context.req.raw));
    return context.json({ providerKey: await keyPool.add(actorId, given) }, 201);
  });

  app.patch("/provider-keys/:id", async (context) => {
    const actorId = await readActor(context, authenticate);
    const id = readId(context.req.param("id"), "provider_key_not_found");
    const change = parseFields(changeSchema, await readJson(context.req.raw));
    return context.json({ providerKey: await keyPool.change(actorId, id, change) });
  });

  app.delete("/provider-keys/:id", async (context) => {
    const actorId = await readActor(context, authenticate);
    await keyPool.remove(actorId, readId(context.req.param("id"), "provider_key_not_found"));
    return context.body(null, 204);
  });

  app.post("/provider-keys/:id/rotate", async (context) => {
    const actorId = await readActor(context, authenticate);
    const id = readId(context.req.param("id"), "provider_key_not_found");
    const { key } = parseFields(rotateSchema, await readJson(context.req.raw));
    return context.json({ providerKey: await keyPool.rotate(actorId, id, key) }, 201);
  });

  refuseOtherMethods(app, "/provider-keys", ["GET", "POST"]);
  refuseOtherMethods(app, "/provider-keys/:id", ["PATCH", "DELETE"]);
  refuseOtherMethods(app, "/provider-keys/:id/rotate", ["POST"]);
}
