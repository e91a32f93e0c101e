import { createBatcher } from "../database/batcher.ts";
import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import type { ApiScope } from "../domain/caller.ts";
import { toCamelCase, toSnakeCase } from "../domain/camel-case.ts";
import { SluiceError } from "../domain/errors.ts";
import { createApiKey, digestApiKey } from "../keys/api-key.ts";

/** What may be used with one key, beside the limits of its owner; amounts in the unit. */
export interface ApiKeyLimit {
  unit: "requests" | "tokens" | "nano_usd" | "concurrent";
  window: "minute" | "day" | "month" | "instant";
  amount: number;
}

/** An API key as its owner sees it. Times are ISO 8601. */
export interface ApiKey {
  id: string;
  name: string;
  lastFour: string;
  scopes: ApiScope[];
  limits: ApiKeyLimit[];
  createdAt: string;
  /** Null for one that stays until it is revoked. */
  expiresAt: string | null;
  revokedAt: string | null;
  /** To the hour. */
  lastUsedAt: string | null;
}

/** What a key is made for, and what can be changed of it. */
export interface ApiKeyFields {
  name: string;
  scopes: ApiScope[];
  limits: ApiKeyLimit[];
  expiresAt: string | null;
}

/** People's API keys. */
export interface ApiKeys {
  /** @returns the key itself, which is kept nowhere: this is the one time that it is told. @throws SluiceError too_many_keys */
  create(userId: string, id: string, fields: ApiKeyFields): Promise<ApiKey & { key: string }>;
  /** All of them, also those that do not count any more, the newest first. */
  list(userId: string): Promise<ApiKey[]>;
  /** What is absent stays. @throws SluiceError api_key_not_found; too_many_keys where one that has expired would count again */
  change(
    userId: string,
    id: string,
    change: { [Name in keyof ApiKeyFields]?: ApiKeyFields[Name] | undefined },
  ): Promise<ApiKey>;
  /** From now on it lets nobody in. Twice is once. @throws SluiceError api_key_not_found */
  revoke(userId: string, id: string): Promise<void>;
  /** See ApiKeyReader. */
  digest(key: string): Promise<string | null>;
  find(digest: string): Promise<{ userId: string; scopes: ApiScope[] } | null>;
}

const maxBatchItems = 64;

/** API keys by `create_api_key` and its neighbours; those that are shown are looked up many to a round trip under load. */
export function createApiKeys(database: Database): ApiKeys {
  interface Found {
    userId: string;
    scopes: ApiScope[];
  }
  const find = createBatcher<string, Found | null>({
    maxItems: maxBatchItems,
    countUnits: () => 1,
    isItemFault: () => false,
    send: async (digests) =>
      unwrap(await database.rpc("use_api_keys", { digests })).map((row) => toCamelCase(row) as Found | null),
  });

  return {
    async create(userId, id, fields) {
      const { key, digest, lastFour } = await createApiKey();
      const answer = await database.rpc("create_api_key", {
        user_id: userId,
        key: toSnakeCase({ id, digest, lastFour, ...fields }) as never,
      });
      return { ...read(unwrap(answer)), key: key.reveal() };
    },

    list: async (userId) => unwrap(await database.rpc("list_api_keys", { user_id: userId })).map(read),

    async change(userId, id, change) {
      const answer = await database.rpc("change_api_key", {
        user_id: userId,
        api_key_id: id,
        change: toSnakeCase(change) as never,
      });
      return read(unwrapFound(answer, "api_key_not_found"));
    },

    async revoke(userId, id) {
      const answer = await database.rpc("revoke_api_key", { user_id: userId, api_key_id: id });
      if (!unwrap(answer)) throw new SluiceError("api_key_not_found");
    },

    digest: digestApiKey,
    find,
  };
}

function read(row: unknown): ApiKey {
  const { refusal } = row as { refusal?: string };
  if (refusal !== undefined) throw new SluiceError(codeOfRefusal(refusal));
  return toCamelCase(row) as ApiKey;
}
