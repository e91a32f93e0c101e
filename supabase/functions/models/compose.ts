import { createModelLists } from "../../../shared/catalogue/model-list.ts";
import { createApiKeys } from "../../../shared/credentials/api-keys.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import { createCallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { createModels } from "./app.ts";

/**
 * Puts the function `models` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeModels(runtime: Runtime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const forVisitors = setting("MODELS_FOR_VISITORS")?.trim() || "false";
  if (forVisitors !== "true" && forVisitors !== "false")
    throw new Error("MODELS_FOR_VISITORS must be true or false.");
  const database = createDatabase({ ...platform, fetch });
  return createModels({
    ...runtime,
    ...platform,
    isForVisitors: forVisitors === "true",
    modelLists: createModelLists(database),
    callers: createCallerAuthentication(createAuthenticate(platform, epochMs), createApiKeys(database)),
  });
}
