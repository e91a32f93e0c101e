import { verifyCredentials } from "@supabase/server/core";
import { SluiceError } from "../domain/errors.ts";
import type { PlatformSettings } from "./platform-settings.ts";

/** Somebody who is signed in. */
export interface Person {
  userId: string;
  /** Null for who signed up without. */
  email: string | null;
  /** Whether the project made them one: `role` of their `app_metadata` is `admin`, which nobody can write themselves. */
  isAdministrator: boolean;
}

/**
 * Who is signed in.
 * @throws SluiceError unauthorized: the same for whatever is wrong with a token; api_key_not_accepted; authentication_unavailable
 */
export type Authenticate = (request: Request) => Promise<Person>;

/** What an API key looks like at first sight: not a token, whatever else it is. */
const apiKeyPattern = /^Bearer (slc_\S+)$/i;

/** The API key that a request shows, right or wrong; undefined where it shows none. */
export function readApiKey(request: Request): string | undefined {
  return apiKeyPattern.exec(request.headers.get("authorization") ?? "")?.[1];
}

/** More tokens than an isolate meets in their hour; beyond it they are verified again. */
const maxRemembered = 5_000;
/** What `@supabase/server` calls it when the key set cannot be fetched. */
const keySetFailure = "JWKS_FETCH_FAILED";
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Accepts the access tokens that Supabase Auth issues to signed-in people: signature by the project's key set, issuer, audience,
 * expiry, role and a UUID as subject.
 * The outcome for one exact token is remembered until it expires, because a signature costs more than all else in a request.
 * @param now milliseconds since the epoch
 */
export function createAuthenticate(
  { url, jwks, jwksUrl, issuer }: PlatformSettings,
  now: () => number,
): Authenticate {
  const remembered = new Map<string, { person: Person; expiresAtMs: number }>();

  async function verify(token: string) {
    // A key that was rotated in after this isolate got its set is looked up where the project publishes it.
    const kid = readKid(token);
    const isAtHand = jwks?.keys.some((key) => key.kid === kid) ?? false;
    const { data, error } = await verifyCredentials(
      { token, apikey: null },
      {
        auth: "user",
        audience: "authenticated",
        issuer,
        env: { url, publishableKeys: {}, secretKeys: {}, jwks: isAtHand ? jwks : jwksUrl },
      },
    );
    if (error?.code === keySetFailure) throw new SluiceError("authentication_unavailable", { cause: error });
    if (!data?.jwtClaims) throw new SluiceError("unauthorized");
    return data.jwtClaims;
  }

  return async (request) => {
    // Without a look at it: what is right and what is wrong is told the same.
    if (readApiKey(request) !== undefined) throw new SluiceError("api_key_not_accepted");
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token === undefined) throw new SluiceError("unauthorized");
    const known = remembered.get(token);
    if (known !== undefined && known.expiresAtMs > now()) return known.person;

    const { sub, role, exp, email, app_metadata } = await verify(token);
    // JSON has numbers that are read as infinite: such a token would never expire.
    if (role !== "authenticated" || exp === undefined || !Number.isFinite(exp) || !uuidPattern.test(sub))
      throw new SluiceError("unauthorized");
    const person = {
      userId: sub,
      email: typeof email === "string" && email !== "" ? email : null,
      isAdministrator: app_metadata?.role === "admin",
    };
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(token, { person, expiresAtMs: exp * 1000 });
    return person;
  };
}

/**
 * Lets administrators pass. Returns the id of the one who calls.
 * @throws SluiceError administrators_only, and what `authenticate` throws
 */
export async function checkAdministrator(authenticate: Authenticate, request: Request): Promise<string> {
  const { userId, isAdministrator } = await authenticate(request);
  if (!isAdministrator) throw new SluiceError("administrators_only");
  return userId;
}

/** The id of the key that a token says it is signed with; undefined where its header cannot be read. */
function readKid(token: string): unknown {
  try {
    const header = token.slice(0, token.indexOf(".")).replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(header)).kid;
  } catch {
    return undefined;
  }
}
