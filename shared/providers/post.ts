import type { Secret } from "../domain/secret.ts";
import { type Credential, ProviderError } from "./provider.ts";
import { PrivateAddressError } from "./public-address.ts";
import { maxAnswerBytes, readText } from "./read-text.ts";
import { parseJson } from "./untrusted.ts";

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

export interface SendOptions {
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
export function post({ url, headers, body }: PreparedRequest, options: SendOptions): Promise<Response> {
  return send(url, { method: "POST", headers, body }, options);
}

/**
 * Reads what a provider has at an address: an object of at most 16 MiB.
 * @throws ProviderError interrupted where it is no object or not whole, else as `post` does
 */
export async function getObject(
  { url, headers }: Omit<PreparedRequest, "body">,
  options: SendOptions,
): Promise<object> {
  const response = await send(url, { method: "GET", headers }, options);
  const text = await readText(response, maxAnswerBytes).catch((cause: unknown) => {
    throw new ProviderError("interrupted", "the connection broke in the middle of the answer", { cause });
  });
  const answer = parseJson(text);
  if (answer === undefined) throw new ProviderError("interrupted", "the answer is no object");
  return answer;
}

async function send(
  url: string,
  request: { method: string; headers: Record<string, string>; body?: string },
  { fetch, credential, signal, readRefusal }: SendOptions,
): Promise<Response> {
  let response: Response;
  try {
    // A redirect would carry the key elsewhere.
    response = await fetch(url, { ...request, signal, redirect: "error" });
  } catch (error) {
    // To ask again would not make it another one.
    const failure = error instanceof PrivateAddressError ? "permission" : "unavailable";
    throw new ProviderError(failure, "no answer", { cause: error });
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
