import type { Secret } from "../domain/secret.ts";
import { type Credential, ProviderError } from "./provider.ts";

/** A request that is ready to be sent. */
export interface PreparedRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/**
 * The text of a body.
 * @throws ProviderError invalid_request, where what the caller sent is nested more deeply than can be written
 */
export function writeBody(body: object): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new ProviderError("invalid_request", "the request cannot be written", { cause });
  }
}

interface PostOptions {
  fetch: typeof fetch;
  credential: Credential;
  signal: AbortSignal;
  /** Reads an answer that is a refusal. */
  readRefusal(response: Response, key: Secret): Promise<ProviderError>;
}

/**
 * Sends a request to a provider.
 * @throws ProviderError unavailable where there is no answer, else what the refusal says
 */
export async function post(
  { url, headers, body }: PreparedRequest,
  { fetch, credential, signal, readRefusal }: PostOptions,
): Promise<Response> {
  let response: Response;
  try {
    // A redirect would carry the key elsewhere.
    response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
  } catch (error) {
    throw new ProviderError("unavailable", "no answer", { cause: error });
  }
  if (response.ok) return response;
  throw await readRefusal(response, credential.key);
}

/**
 * Remembers what was prepared with a key for as long as the key is in use: the SDKs take far longer to build a request than it takes to
 * fill one in. What failed is prepared again by the next call.
 */
export function rememberByCredential<Prepared>(
  prepare: (credential: Credential) => Promise<Prepared>,
): (credential: Credential) => Promise<Prepared> {
  const known = new WeakMap<Credential, Promise<Prepared>>();
  return (credential) => {
    let prepared = known.get(credential);
    if (prepared === undefined) {
      prepared = prepare(credential);
      known.set(credential, prepared);
      prepared.catch(() => known.delete(credential));
    }
    return prepared;
  };
}
