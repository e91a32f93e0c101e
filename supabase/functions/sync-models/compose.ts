import { createFeedSources } from "../../../shared/catalogue/feed-sources.ts";
import { createModelSync } from "../../../shared/catalogue/model-sync.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { readJobSecret } from "../../../shared/keys/job-secret.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { createSyncModels } from "./app.ts";

/**
 * Puts the function `sync-models` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeSyncModels(runtime: Runtime & { keepAlive(work: Promise<unknown>): void }): App {
  const { setting, fetch, epochMs, newId, writeLog } = runtime;
  const platform = readPlatformSettings(setting);
  const modelSync = createModelSync({
    database: createDatabase({ ...platform, fetch }),
    sources: createFeedSources(createProviderRegistry({ ...platform, setting, fetch }), fetch),
    newId,
    writeLog,
  });
  return createSyncModels({
    ...runtime,
    ...platform,
    modelSync,
    authenticate: createAuthenticate(platform, epochMs),
    jobSecret: readJobSecret(setting),
  });
}
