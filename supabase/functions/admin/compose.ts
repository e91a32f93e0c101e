import { createFeedSources } from "../../../shared/catalogue/feed-sources.ts";
import { createModelAdministration } from "../../../shared/catalogue/model-administration.ts";
import { createModelSync } from "../../../shared/catalogue/model-sync.ts";
import { createSyncAdministration } from "../../../shared/catalogue/sync-administration.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { createAdmin } from "./app.ts";

/**
 * Puts the function `admin` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeAdmin(runtime: Runtime & { keepAlive(work: Promise<unknown>): void }): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const database = createDatabase({ ...platform, fetch });
  return createAdmin({
    ...runtime,
    ...platform,
    models: createModelAdministration(database),
    syncs: createSyncAdministration(database),
    modelSync: createModelSync({
      ...runtime,
      database,
      sources: createFeedSources(createProviderRegistry(setting, fetch), fetch),
    }),
    authenticate: createAuthenticate(platform, epochMs),
  });
}
