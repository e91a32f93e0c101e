import { createPreferences } from "../../../shared/catalogue/preferences.ts";
import { createByokKeys } from "../../../shared/credentials/byok-keys.ts";
import { readByokPolicy } from "../../../shared/credentials/byok-policy.ts";
import { createImportKeys } from "../../../shared/credentials/import-keys.ts";
import { createKeyExaminer } from "../../../shared/credentials/key-examiner.ts";
import { rewrapWith } from "../../../shared/credentials/rewrap.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { fingerprintSetting, parseFingerprint } from "../../../shared/keys/fingerprint.ts";
import { keyRingSetting, parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { createSealedCredentials } from "../../../shared/keys/sealed-credentials.ts";
import { createPublicFetch } from "../../../shared/providers/public-address.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { createByokKeysApp } from "./app.ts";

interface ByokRuntime extends Runtime {
  /** All addresses of a host. */
  resolveHost(name: string): Promise<string[]>;
  /** Has the runtime wait for work that goes on after the answer. */
  keepAlive(work: Promise<unknown>): void;
}

/**
 * Puts the function `byok-keys` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeByokKeys(runtime: ByokRuntime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const policy = readByokPolicy(setting);
  const ring = parseKeyRing(setting(keyRingSetting));
  const database = createDatabase({ ...platform, fetch });
  const providers = createProviderRegistry({
    ...platform,
    setting,
    fetch,
    publicFetch: policy.allowsBaseUrls ? createPublicFetch(runtime) : null,
  });
  const examiner = createKeyExaminer({
    providers,
    envelopes: ring && createEnvelopes(ring),
    fingerprint: parseFingerprint(setting(fingerprintSetting)),
  });
  const byokKeys = createByokKeys({
    ...runtime,
    ...{ database, examiner, policy },
    openKey: createSealedCredentials(ring, rewrapWith({ ...runtime, database })).open,
  });
  return createByokKeysApp({
    ...runtime,
    ...platform,
    ...{ byokKeys, examiner },
    importKeys: createImportKeys({
      ...{ database, byokKeys, examiner },
      preferences: createPreferences(database),
    }),
    providerNames: [...providers.keys()],
    authenticate: createAuthenticate(platform, epochMs),
  });
}
