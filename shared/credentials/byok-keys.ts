import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import type { ByokPermission } from "../domain/caller.ts";
import { toCamelCase, toSnakeCase } from "../domain/camel-case.ts";
import { SluiceError } from "../domain/errors.ts";
import { EnvelopeError } from "../keys/envelope.ts";
import type { SealedCredentials } from "../keys/sealed-credentials.ts";
import type { ByokPolicy } from "./byok-policy.ts";
import type { GivenKey, KeyExaminer, KeyVerdict } from "./key-examiner.ts";

/** What a provider said of a key, so that it is left alone for a while. */
export interface Cooldown {
  /** The provider's name of the model that it is left alone for; null for all. */
  upstreamModel: string | null;
  reason: "credential" | "quota" | "rate_limited";
  /** ISO 8601; null until somebody acts. */
  until: string | null;
}

/** A provider key of a caller's own, as they see it: never the key. Times are ISO 8601. */
export interface ByokKey {
  id: string;
  provider: string;
  name: string;
  /** Null for a key too short to show any of it. */
  lastFour: string | null;
  /** The same key has the same. */
  fingerprint: string;
  /** The server that is called in the place of the provider; null for the provider itself. */
  baseUrl: string | null;
  status: KeyVerdict;
  /** Tried before the other keys of the provider. */
  isPreferred: boolean;
  /** What it is left alone for at the moment: `upstreamModel` null for all models. */
  cooldowns: Cooldown[];
  createdAt: string;
  checkedAt: string;
  /** To the minute. */
  lastUsedAt: string | null;
}

export interface ByokOverview {
  permission: ByokPermission;
  /** Whether chats are served with these keys now. */
  areUsed: boolean;
  /** Whether the platform's keys take over where these fail, or there is none. */
  mayFallBack: boolean;
  keys: ByokKey[];
}

/** A key that somebody wants to save under a name. */
export interface NamedKey extends GivenKey {
  name: string;
  /** Absent: as it was, or as the first of its provider. */
  isPreferred?: boolean | undefined;
}

/** Callers' own provider keys. */
export interface ByokKeys {
  /** @throws SluiceError unauthorized where the account is gone */
  list(userId: string): Promise<ByokOverview>;
  /**
   * Takes so many tries from the caller's thirty an hour.
   * @throws SluiceError byok_forbidden, rate_limited
   */
  beginChecks(userId: string, checks: number): Promise<void>;
  /**
   * Asks the provider and saves the key, in the place of the one with this name.
   * @throws SluiceError key_refused, with nothing saved; key_exists, too_many_keys
   */
  save(userId: string, key: NamedKey): Promise<{ key: ByokKey; isNew: boolean }>;
  /**
   * Asks the provider about a key that is saved, the preferred one where no name is given: that is one of the tries.
   * @throws SluiceError provider_key_not_found, own_key_refused for one that cannot be read any more, byok_forbidden, rate_limited
   */
  test(userId: string, provider: string, name: string | undefined): Promise<ByokKey>;
  /** @throws SluiceError provider_key_not_found */
  prefer(userId: string, provider: string, name: string): Promise<ByokKey>;
  /** One by its name, or all of a provider. @throws SluiceError provider_key_not_found */
  remove(userId: string, provider: string, name: string | undefined): Promise<void>;
}

interface ByokKeysOptions {
  database: Database;
  examiner: KeyExaminer;
  openKey: SealedCredentials["open"];
  policy: ByokPolicy;
  newId(): string;
}

/** Own keys by `save_byok_key` and its neighbours. */
export function createByokKeys(options: ByokKeysOptions): ByokKeys {
  const { database, examiner, openKey, policy, newId } = options;
  const deployment = policy.permission === null ? {} : { deployment: policy.permission };

  async function change(userId: string, provider: string, name: string, change: object): Promise<ByokKey> {
    const answer = await database.rpc("change_byok_key", {
      ...{ user_id: userId, provider, name },
      change: toSnakeCase(change) as never,
    });
    return readKey(unwrapFound(answer, "provider_key_not_found"));
  }

  async function beginChecks(userId: string, checks: number): Promise<void> {
    const answer = await database.rpc("begin_key_checks", {
      ...{ user_id: userId, checks, ...deployment },
    });
    const { refusal, retry_after_ms } = unwrap(answer) as { refusal?: string; retry_after_ms?: number };
    if (refusal === undefined) return;
    const code = codeOfRefusal(refusal);
    if (retry_after_ms === undefined) throw new SluiceError(code);
    throw new SluiceError(code, {
      message: "Thirty keys an hour are tried with their providers: wait and try again.",
      retryAfterSeconds: Math.ceil(retry_after_ms / 1000),
    });
  }

  return {
    async list(userId) {
      const answer = await database.rpc("list_byok_keys", { user_id: userId, ...deployment });
      return toCamelCase(unwrapFound(answer, "unauthorized")) as ByokOverview;
    },

    beginChecks,

    async save(userId, { name, isPreferred, ...given }) {
      const status = await examiner.ask(given);
      if (status === "invalid") throw new SluiceError("key_refused", { param: "key" });
      const sealed = await examiner.seal(given, userId, newId());
      const answer = await database.rpc("save_byok_key", {
        user_id: userId,
        key: toSnakeCase({ ...sealed, name, isPreferred, status }) as never,
      });
      const saved = unwrap(answer) as { refusal?: string; name?: string; key: unknown; is_new: boolean };
      if (saved.refusal === undefined) return { key: readKey(saved.key), isNew: saved.is_new };
      throw new SluiceError(codeOfRefusal(saved.refusal), {
        ...(saved.name === undefined
          ? {}
          : { param: "key", message: `key: this very key is saved already, as "${saved.name}".` }),
      });
    },

    async test(userId, provider, name) {
      const answer = await database.rpc("find_sealed_key", {
        ...{ user_id: userId, provider },
        ...(name === undefined ? {} : { name }),
      });
      const {
        id,
        sealedKey,
        baseUrl,
        name: own,
      } = toCamelCase(unwrapFound(answer, "provider_key_not_found")) as {
        id: string;
        name: string;
        sealedKey: string;
        baseUrl: string | null;
      };
      await beginChecks(userId, 1);
      const { key } = await openKey({ id, provider, sealedKey, userId, baseUrl }).catch((cause: unknown) => {
        if (!(cause instanceof EnvelopeError)) throw cause;
        throw new SluiceError("own_key_refused", {
          cause,
          message: "This key cannot be read any more: save it again.",
        });
      });
      const status = await examiner.ask({ provider, key: key.reveal(), baseUrl });
      return change(userId, provider, own, { id, status });
    },

    prefer: (userId, provider, name) => change(userId, provider, name, { isPreferred: true }),

    async remove(userId, provider, name) {
      const answer = await database.rpc("delete_byok_keys", {
        ...{ user_id: userId, provider },
        ...(name === undefined ? {} : { name }),
      });
      if (unwrap(answer) === 0) throw new SluiceError("provider_key_not_found");
    },
  };
}

function readKey(row: unknown): ByokKey {
  return toCamelCase(row) as ByokKey;
}
