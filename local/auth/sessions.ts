import { randomBytes } from "node:crypto";
import type { ISql } from "postgres";
import { AuthError } from "./auth-error.ts";
import type { AccessClaims, Tokens } from "./tokens.ts";
import { describeUser, type UserRow } from "./users.ts";

/** What a client gets when it has signed in or refreshed, as Supabase Auth gives it. */
export type SessionAnswer = Record<string, unknown> & { access_token: string; refresh_token: string };

export type SignOutScope = "global" | "local" | "others";

/** Begins a session for someone whose password was checked. */
export async function beginSession(sql: ISql, tokens: Tokens, userId: string): Promise<SessionAnswer> {
  const [user] = await sql<[UserRow]>`
    update auth.users set last_sign_in_at = now() where id = ${userId} returning *`;
  const [session] = await sql<[{ id: string }]>`
    insert into auth.sessions (user_id) values (${userId}) returning id`;
  return answer(sql, tokens, user, session.id);
}

/**
 * Exchanges a refresh token, once, for a new pair. Whoever shows a used one again may have stolen it, so that ends the
 * whole session.
 */
export async function refreshSession(sql: ISql, tokens: Tokens, token: string): Promise<SessionAnswer> {
  const [taken] = await sql<{ session_id: string }[]>`
    update auth.refresh_tokens set revoked = true where token = ${token} and not revoked returning session_id`;
  if (!taken) {
    const { count } = await sql`
      delete from auth.sessions
      where id = (select session_id from auth.refresh_tokens where token = ${token})`;
    throw count > 0
      ? new AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
      : new AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
  }
  const [user] = await sql<[UserRow]>`
    select u.* from auth.users u join auth.sessions s on s.user_id = u.id where s.id = ${taken.session_id}`;
  return answer(sql, tokens, user, taken.session_id);
}

/** The holder of an access token. Throws an AuthError when the session was ended or the user removed. */
export async function sessionUser(sql: ISql, { userId, sessionId }: AccessClaims): Promise<UserRow> {
  const [user] = await sql<UserRow[]>`
    select u.* from auth.users u join auth.sessions s on s.user_id = u.id
    where u.id = ${userId} and s.id = ${sessionId}`;
  if (user) return user;
  throw new AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist");
}

/** Ends this session, the user's others, or all of them. */
export async function endSessions(sql: ISql, claims: AccessClaims, scope: SignOutScope): Promise<void> {
  const { userId, sessionId } = claims;
  await sql`
    delete from auth.sessions
    where user_id = ${userId}
      and (${scope === "global"} or (id = ${sessionId}) = ${scope === "local"})`;
}

async function answer(sql: ISql, tokens: Tokens, user: UserRow, sessionId: string): Promise<SessionAnswer> {
  const refreshToken = randomBytes(24).toString("base64url");
  await sql`insert into auth.refresh_tokens (token, session_id) values (${refreshToken}, ${sessionId})`;
  return {
    access_token: await tokens.sign(user, sessionId),
    token_type: "bearer",
    expires_in: tokens.lifetimeSeconds,
    expires_at: Math.floor(Date.now() / 1000) + tokens.lifetimeSeconds,
    refresh_token: refreshToken,
    user: describeUser(user),
  };
}
