import type { JWK } from "jose";
import type { Sql } from "postgres";
import { z } from "zod";
import { AuthError } from "./auth-error.ts";
import { matchesPassword } from "./passwords.ts";
import { beginSession, endSessions, refreshSession, sessionUser } from "./sessions.ts";
import type { Tokens } from "./tokens.ts";
import { changeUser, deleteUser, describeUser, findUser, findUserByEmail, insertUser } from "./users.ts";

export interface SignInRequest {
  method: string;
  /** Below /auth/v1, without the leading slash. */
  path: string;
  query: URLSearchParams;
  /** The token of `Authorization: Bearer`. */
  bearer: string | undefined;
  /** Whether the request came with the secret key. */
  isAdmin: boolean;
  /** The parsed JSON body; undefined when there is none. */
  body: unknown;
}

export interface SignInAnswer {
  status: number;
  body?: unknown;
}

export type SignIn = (request: SignInRequest) => Promise<SignInAnswer>;

type Route = (request: SignInRequest, parameter: string) => Promise<SignInAnswer>;

const metadata = z.record(z.string(), z.json());
const credentials = z.object({ email: z.string(), password: z.string() });
const signUp = credentials.extend({ data: metadata.nullish() });
const refresh = z.object({ refresh_token: z.string() });
const userChange = z.object({
  email: z.string().optional(),
  password: z.string().optional(),
  data: metadata.optional(),
});
const newUser = credentials.extend({ user_metadata: metadata.optional(), app_metadata: metadata.optional() });
const scope = z.enum(["global", "local", "others"]).catch("global");

/**
 * The part of Supabase Auth that apps use with e-mail and password. Every address counts as confirmed. What it returns throws an
 * AuthError for a refusal.
 */
export function createSignIn(options: { sql: Sql; tokens: Tokens; keySet: { keys: JWK[] } }): SignIn {
  const { sql, tokens, keySet } = options;

  const routes: Record<string, Route> = {
    "GET .well-known/jwks.json": async () => ({ status: 200, body: keySet }),
    "GET health": async () => ({ status: 200, body: { name: "Sluice local sign-in", version: "1" } }),
    "GET settings": async () => ({
      status: 200,
      body: { external: { email: true, phone: false }, disable_signup: false, mailer_autoconfirm: true },
    }),
    "POST signup": async ({ body }) => {
      const { email, password, data } = parse(signUp, body);
      const user = await insertUser(sql, { email, password, userMetadata: data ?? undefined });
      return { status: 200, body: await beginSession(sql, tokens, user.id) };
    },
    "POST token": async ({ query, body }) => {
      switch (query.get("grant_type")) {
        case "password": {
          const { email, password } = parse(credentials, body);
          return { status: 200, body: await beginSession(sql, tokens, await authenticate(email, password)) };
        }
        case "refresh_token": {
          const { refresh_token } = parse(refresh, body);
          return { status: 200, body: await refreshSession(sql, tokens, refresh_token) };
        }
        default:
          throw new AuthError(400, "validation_failed", "grant_type: use password or refresh_token");
      }
    },
    "GET user": async (request) => ({
      status: 200,
      body: describeUser(await sessionUser(sql, await claimsOf(request))),
    }),
    "PUT user": async (request) => {
      const user = await sessionUser(sql, await claimsOf(request));
      const { email, password, data } = parse(userChange, request.body);
      const changed = await changeUser(sql, user.id, { email, password, userMetadata: data });
      return { status: 200, body: describeUser(changed) };
    },
    "POST logout": async (request) => {
      await endSessions(sql, await claimsOf(request), scope.parse(request.query.get("scope")));
      return { status: 204 };
    },
    "POST admin/users": async ({ body }) => {
      const { email, password, user_metadata, app_metadata } = parse(newUser, body);
      const user = await insertUser(sql, {
        email,
        password,
        userMetadata: user_metadata,
        appMetadata: app_metadata,
      });
      return { status: 200, body: describeUser(user) };
    },
    "GET admin/users/:id": async (_request, id) => {
      const user = await findUser(sql, id);
      if (user) return { status: 200, body: describeUser(user) };
      throw new AuthError(404, "user_not_found", "User not found");
    },
    "DELETE admin/users/:id": async (_request, id) => {
      if (await deleteUser(sql, id)) return { status: 200, body: {} };
      throw new AuthError(404, "user_not_found", "User not found");
    },
  };

  return async (request) => {
    const { method, path, isAdmin } = request;
    const [, id = ""] = /^admin\/users\/([^/]+)$/.exec(path) ?? [];
    const route = routes[`${method} ${id === "" ? path : "admin/users/:id"}`];
    if (!route) throw new AuthError(404, "not_found", `${method} /auth/v1/${path} is not served locally`);
    if (path.startsWith("admin/") && !isAdmin)
      throw new AuthError(403, "not_admin", "User not allowed: send the secret key in apikey");
    return await route(request, id);
  };

  /** Checks a password and returns the user's id. One message for an unknown address and a wrong password. */
  async function authenticate(email: string, password: string): Promise<string> {
    const user = await findUserByEmail(sql, email);
    if (user && (await matchesPassword(password, user.encrypted_password))) return user.id;
    throw new AuthError(400, "invalid_credentials", "Invalid login credentials");
  }

  async function claimsOf({ bearer }: SignInRequest) {
    if (bearer === undefined)
      throw new AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token");
    return await tokens.verify(bearer);
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  throw new AuthError(400, "validation_failed", `${issue?.path.join(".") || "body"}: ${issue?.message}`);
}
