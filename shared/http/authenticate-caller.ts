import type { ApiScope, Caller } from "../domain/caller.ts";
import { SluiceError } from "../domain/errors.ts";
import { type Authenticate, readApiKey } from "./authenticate.ts";

/** Knows people's API keys. */
export interface ApiKeyReader {
  /** What the database knows a key by; null for a text that is none, which is found out without asking it. */
  digest(key: string): Promise<string | null>;
  /** Whose key it is; null where there is no such key, or it does not count any more. */
  find(digest: string): Promise<{ userId: string; scopes: ApiScope[] } | null>;
}

/** Lets people pass, and whoever shows an API key of theirs. */
export interface CallerAuthentication {
  /**
   * Who calls, as far as that can be said without asking the database, which looks an API key up when it lets a chat through.
   * @throws SluiceError unauthorized: the same for whatever is wrong with a token or a key; authentication_unavailable
   */
  identify(request: Request): Promise<Caller>;
  /**
   * Reads what is asked. What is wrong with it is told to those alone who may ask: an API key that does not count is refused first.
   * @throws what `read` throws, unauthorized, scope_missing
   */
  readFor<Asked>(caller: Caller, scope: ApiScope, read: () => Promise<Asked>): Promise<Asked>;
  /**
   * Who calls.
   * @throws SluiceError the same, and scope_missing for an API key that is not for this
   */
  authenticate(request: Request, scope: ApiScope): Promise<{ userId: string }>;
}

export function createCallerAuthentication(
  authenticate: Authenticate,
  apiKeys: ApiKeyReader,
): CallerAuthentication {
  async function identify(request: Request): Promise<Caller> {
    const key = readApiKey(request);
    if (key === undefined) return { userId: (await authenticate(request)).userId };
    const apiKeyDigest = await apiKeys.digest(key);
    if (apiKeyDigest === null) throw new SluiceError("unauthorized");
    return { apiKeyDigest };
  }

  async function lookUp(caller: Caller, scope: ApiScope): Promise<{ userId: string }> {
    if (caller.apiKeyDigest === undefined) return caller;
    const found = await apiKeys.find(caller.apiKeyDigest);
    if (found === null) throw new SluiceError("unauthorized");
    if (!found.scopes.includes(scope)) throw new SluiceError("scope_missing", { detail: { scope } });
    return { userId: found.userId };
  }

  return {
    identify,
    authenticate: async (request, scope) => lookUp(await identify(request), scope),
    async readFor(caller, scope, read) {
      try {
        return await read();
      } catch (thrown) {
        await lookUp(caller, scope);
        throw thrown;
      }
    },
  };
}
