import type { Context } from "hono";
import { z } from "zod";
import type { ByokKeys } from "../../../shared/credentials/byok-keys.ts";
import type { ImportKeys } from "../../../shared/credentials/import-keys.ts";
import type { KeyExaminer } from "../../../shared/credentials/key-examiner.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { providerKey } from "../../../shared/domain/provider-key.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import {
  type App,
  type AppEnv,
  createApp,
  type FrameOptions,
  refuseOtherMethods,
} from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { parsePublicAddress } from "../../../shared/providers/public-address.ts";

interface ByokKeysOptions extends FrameOptions {
  authenticate: Authenticate;
  byokKeys: ByokKeys;
  examiner: KeyExaminer;
  importKeys: ImportKeys;
  /** The names of the providers that there are. */
  providerNames: string[];
}

const name = storableText.trim().min(1).max(40);
const baseUrl = z.string().transform((text, context) => {
  const url = parsePublicAddress(text);
  if (url !== null) return url.href;
  context.addIssue({ code: "custom", message: "must be the https address of a public host, without query" });
  return z.NEVER;
});
const given = {
  key: providerKey,
  name: name.default("default"),
  baseUrl: baseUrl.nullable().default(null),
  isPreferred: z.boolean().optional(),
};
const saveSchema = z.strictObject(given);
const preferSchema = z.strictObject({ name, isPreferred: z.literal(true) });
/** Which of a provider's keys. */
const nameSchema = z.strictObject({ name: name.optional() });
const importSchema = z.strictObject({
  keys: z
    .array(z.strictObject({ provider: storableText.min(1).max(40), ...given }))
    .max(20)
    .default([]),
  model: storableText.trim().min(1).max(200).optional(),
});
const noneSchema = z.strictObject({});

/** The function `byok-keys`: people's own keys of providers. A key goes in and never comes out. */
export function createByokKeysApp(options: ByokKeysOptions): App {
  const { authenticate, byokKeys, examiner } = options;
  const app = createApp("byok-keys", options);

  app.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });

  app.get("/", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json({ ...(await byokKeys.list(userId)), providers: options.providerNames });
  });

  app.post("/import", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { keys, model } = parseFields(importSchema, await readJson(context.req.raw));
    return context.json(await options.importKeys(userId, { keys, model }));
  });

  app.put("/:provider", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const fields = parseFields(saveSchema, await readJson(context.req.raw));
    const named = { provider: context.req.param("provider"), ...fields };
    examiner.inspect(named);
    await byokKeys.beginChecks(userId, 1);
    const { key, isNew } = await byokKeys.save(userId, named);
    return context.json({ key }, isNew ? 201 : 200);
  });

  app.patch("/:provider", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const fields = parseFields(preferSchema, await readJson(context.req.raw));
    return context.json({ key: await byokKeys.prefer(userId, readProvider(context), fields.name) });
  });

  app.delete("/:provider", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const query = parseFields(nameSchema, context.req.query());
    await byokKeys.remove(userId, readProvider(context), query.name);
    return context.body(null, 204);
  });

  app.post("/:provider/test", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const fields = parseFields(nameSchema, await readJson(context.req.raw));
    return context.json({ key: await byokKeys.test(userId, readProvider(context), fields.name) });
  });

  refuseOtherMethods(app, "/", ["GET"]);
  refuseOtherMethods(app, "/import", ["POST"]);
  refuseOtherMethods(app, "/:provider", ["PUT", "PATCH", "DELETE"]);
  refuseOtherMethods(app, "/:provider/test", ["POST"]);
  return app;
}

/** What cannot be a provider's name has no key. */
function readProvider(context: Context<AppEnv>): string {
  const provider = context.req.param("provider") ?? "";
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(provider)) throw new SluiceError("provider_key_not_found");
  return provider;
}
