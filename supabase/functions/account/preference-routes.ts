import { z } from "zod";
import { maxOwnCharacters, type PreferenceStore } from "../../../shared/catalogue/preferences.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { storableObject } from "../../../shared/domain/storable-object.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";

interface PreferenceRoutesOptions {
  preferences: PreferenceStore;
  authenticate: Authenticate;
}

/** What an app keeps. */
const own = storableObject.refine(
  (value) => JSON.stringify(value).length <= maxOwnCharacters,
  `must have at most ${maxOwnCharacters} characters of JSON`,
);

const patchSchema = z.strictObject({
  ui: own.optional(),
  session: own.optional(),
  model: z
    .strictObject({
      defaultModel: storableText.min(1).max(200).nullable().optional(),
      temperature: z.number().min(0).max(2).nullable().optional(),
      systemPrompt: storableText.min(1).max(20_000).nullable().optional(),
    })
    .optional(),
  keys: z
    .strictObject({ preferOwnKeys: z.boolean().optional(), allowPlatformKeys: z.boolean().optional() })
    .optional(),
});
const noneSchema = z.strictObject({});

/** Adds the routes by which people choose: how the app looks and goes on, and the model of requests that name none. */
export function addPreferenceRoutes(app: App, { preferences, authenticate }: PreferenceRoutesOptions): void {
  app.get("/preferences", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json(await preferences.read(userId));
  });

  app.patch("/preferences", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const patch = parseFields(patchSchema, await readJson(context.req.raw));
    return context.json(await preferences.patch(userId, patch));
  });

  refuseOtherMethods(app, "/preferences", ["GET", "PATCH"]);
}
