import { listReconciliations } from "../../../shared/billing/reconciliation-log.ts";
import { createRevenueReader } from "../../../shared/billing/revenue.ts";
import { createFeedSources } from "../../../shared/catalogue/feed-sources.ts";
import { createModelAdministration } from "../../../shared/catalogue/model-administration.ts";
import { createModelSync } from "../../../shared/catalogue/model-sync.ts";
import { createSyncAdministration } from "../../../shared/catalogue/sync-administration.ts";
import { createKeyExaminer } from "../../../shared/credentials/key-examiner.ts";
import { createKeyPool } from "../../../shared/credentials/key-pool.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { fingerprintSetting, parseFingerprint } from "../../../shared/keys/fingerprint.ts";
import { keyRingSetting, parseKeyRing } from "../../../shared/keys/key-ring.ts";
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
  const providers = createProviderRegistry({ ...platform, setting, fetch });
  const ring = parseKeyRing(setting(keyRingSetting));
  return createAdmin({
    ...runtime,
    ...platform,
    models: createModelAdministration(database),
    syncs: createSyncAdministration(database),
    modelSync: createModelSync({
      ...runtime,
      database,
      sources: createFeedSources(providers, fetch),
    }),
    keyPool: createKeyPool({
      ...runtime,
      database,
      examiner: createKeyExaminer({
        providers,
        envelopes: ring && createEnvelopes(ring),
        fingerprint: parseFingerprint(setting(fingerprintSetting)),
      }),
    }),
    revenue: createRevenueReader(database),
    reconciliations: (page) => listReconciliations(database, page),
    authenticate: createAuthenticate(platform, epochMs),
  });
}
