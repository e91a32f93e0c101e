import { z } from "zod";
import type { ApiKeys } from "../../../shared/credentials/api-keys.ts";
import { apiScopes } from "../../../shared/domain/caller.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { createLimitSchema, limitAmount, namesWindowsOnce } from "../../../shared/domain/limit.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";

interface ApiKeyRoutesOptions {
  apiKeys: ApiKeys;
  authenticate: Authenticate;
  newId(): string;
  /** Milliseconds since the epoch. */
  epochMs(): number;
}

const noneSchema = z.strictObject({});

/** Adds the routes by which people make, see, change and revoke API keys. That takes themselves: no API key makes another. */
export function addApiKeyRoutes(
  app: App,
  { apiKeys, authenticate, newId, epochMs }: ApiKeyRoutesOptions,
): void {
  const fields = {
    name: storableText.trim().min(1).max(100),
    scopes: z
      .array(z.enum(apiScopes))
      .min(1)
      .transform((scopes) => [...new Set(scopes)]),
    limits: z
      .array(createLimitSchema(limitAmount, "revoke the key"))
      .max(20)
      .refine(...namesWindowsOnce),
    expiresAt: z.iso
      .datetime({ offset: true, error: "must be a time such as 2027-01-31T00:00:00Z" })
      .refine((text) => Date.parse(text) > epochMs(), "must be in the future")
      .nullable(),
  };
  const createSchema = z.strictObject({
    ...fields,
    limits: fields.limits.default([]),
    expiresAt: fields.expiresAt.default(null),
  });
  const changeSchema = z
    .strictObject(fields)
    .partial()
    .refine((change) => Object.values(change).some((value) => value !== undefined), "changes nothing");

  app.use("/api-keys/*", async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });

  app.get("/api-keys", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json({ apiKeys: await apiKeys.list(userId) });
  });

  app.post("/api-keys", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const key = parseFields(createSchema, await readJson(context.req.raw));
    return context.json(await apiKeys.create(userId, newId(), key), 201);
  });

  app.patch("/api-keys/:id", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const id = readId(context.req.param("id"), "api_key_not_found");
    const change = parseFields(changeSchema, await readJson(context.req.raw));
    return context.json({ apiKey: await apiKeys.change(userId, id, change) });
  });

  app.delete("/api-keys/:id", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    await apiKeys.revoke(userId, readId(context.req.param("id"), "api_key_not_found"));
    return context.body(null, 204);
  });

  refuseOtherMethods(app, "/api-keys", ["GET", "POST"]);
  refuseOtherMethods(app, "/api-keys/:id", ["PATCH", "DELETE"]);
}
