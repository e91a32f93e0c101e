import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { expect, inject, test } from "vitest";

const stack = inject("stack");
const password = "correct horse";
let people = 0;

/** A client as an app makes it, without memory of its own. */
function openClient(key = stack.publishableKey): SupabaseClient {
  return createClient(stack.apiUrl, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

function newEmail(): string {
  people += 1;
  return `auth-${people}-${Date.now()}@example.com`;
}

async function signUp() {
  const client = openClient();
  const email = newEmail();
  const { data, error } = await client.auth.signUp({ email, password, options: { data: { name: "Ada" } } });
  if (error || !data.session || !data.user) throw new Error(`No session: ${error?.message}`);
  return { client, email, session: data.session, user: data.user };
}

test("who signs up is signed in at once and has a profile that they alone can read", async () => {
  const { client, email, user } = await signUp();
  expect(user).toMatchObject({ email, role: "authenticated", user_metadata: { name: "Ada" } });

  const own = await client.from("profiles").select("user_id");
  expect(own.data).toEqual([{ user_id: user.id }]);
  const { client: stranger } = await signUp();
  const foreign = await stranger.from("profiles").select("user_id").eq("user_id", user.id);
  expect(foreign.data).toEqual([]);
});

test("an access token verifies against the published keys and names its holder, issuer and audience", async () => {
  const { client, session, user } = await signUp();
  const { data, error } = await client.auth.getClaims(session.access_token);
  expect(error).toBeNull();
  expect(data?.header).toMatchObject({ alg: "ES256", kid: expect.any(String) });
  expect(data?.claims).toMatchObject({
    iss: `${stack.apiUrl}/auth/v1`,
    aud: "authenticated",
    role: "authenticated",
    sub: user.id,
    email: user.email,
    user_metadata: { name: "Ada" },
  });
  expect((data?.claims.exp ?? 0) - (data?.claims.iat ?? 0)).toBe(3600);
});

test("a password signs in, and a wrong one is refused like an unknown address", async () => {
  const { email, user } = await signUp();
  const right = await openClient().auth.signInWithPassword({ email: email.toUpperCase(), password });
  expect(right.data.user?.id).toBe(user.id);

  const wrong = await openClient().auth.signInWithPassword({ email, password: "wrong horse" });
  const unknown = await openClient().auth.signInWithPassword({ email: newEmail(), password });
  expect(wrong.error).toMatchObject({
    status: 400,
    code: "invalid_credentials",
    message: "Invalid login credentials",
  });
  expect(unknown.error).toMatchObject({
    status: 400,
    code: "invalid_credentials",
    message: "Invalid login credentials",
  });
});

test("a taken address, a short password and a malformed address are refused by name", async () => {
  const { email } = await signUp();
  const taken = await openClient().auth.signUp({ email, password });
  expect(taken.error).toMatchObject({ status: 422, code: "user_already_exists" });
  const short = await openClient().auth.signUp({ email: newEmail(), password: "12345" });
  expect(short.error).toMatchObject({ status: 422, code: "weak_password" });
  const malformed = await openClient().auth.signUp({ email: "nobody", password });
  expect(malformed.error).toMatchObject({ status: 400, code: "validation_failed" });
});

test("a refresh token is good once, and showing it again ends the session", async () => {
  const { session } = await signUp();
  const refreshed = await openClient().auth.refreshSession(session);
  expect(refreshed.error).toBeNull();
  const next = refreshed.data.session;
  if (!next) throw new Error("No session");
  expect(next.refresh_token).not.toBe(session.refresh_token);
  expect((await openClient().auth.getUser(next.access_token)).data.user?.id).toBe(session.user.id);

  const reused = await openClient().auth.refreshSession(session);
  expect(reused.error).toMatchObject({ status: 400, code: "refresh_token_already_used" });
  const ended = await openClient().auth.refreshSession(next);
  expect(ended.error).toMatchObject({ status: 400, code: "refresh_token_not_found" });
});

test("a user changes their password and metadata", async () => {
  const { client, email } = await signUp();
  const changed = await client.auth.updateUser({
    password: "battery staple",
    data: { name: null, town: "Turin" },
  });
  expect(changed.data.user?.user_metadata).toEqual({ town: "Turin" });

  const before = await openClient().auth.signInWithPassword({ email, password });
  expect(before.error).toMatchObject({ code: "invalid_credentials" });
  const after = await openClient().auth.signInWithPassword({ email, password: "battery staple" });
  expect(after.error).toBeNull();
});

test("signing out ends the session, here only or everywhere", async () => {
  const { email, client, session } = await signUp();
  const other = openClient();
  const elsewhere = await other.auth.signInWithPassword({ email, password });

  await client.auth.signOut({ scope: "local" });
  expect((await openClient().auth.getUser(session.access_token)).error).not.toBeNull();
  expect((await openClient().auth.refreshSession(session)).error).not.toBeNull();
  expect((await other.auth.getUser()).error).toBeNull();

  await other.auth.signOut();
  const token = elsewhere.data.session?.access_token;
  expect((await openClient().auth.getUser(token)).error).not.toBeNull();
});

test("a token that nobody here signed has no user", async () => {
  const { session } = await signUp();
  const [header, claims] = session.access_token.split(".");
  const { error } = await openClient().auth.getUser(`${header}.${claims}.${"A".repeat(86)}`);
  expect(error).toMatchObject({ status: 403, code: "bad_jwt" });
});

test("the secret key makes and removes users, the publishable key does not", async () => {
  const admin = openClient(stack.secretKey).auth.admin;
  const email = newEmail();
  const made = await admin.createUser({ email, password, app_metadata: { role: "admin" } });
  expect(made.data.user).toMatchObject({ email, app_metadata: { role: "admin", provider: "email" } });

  const id = made.data.user?.id ?? "";
  const refused = await openClient().auth.admin.deleteUser(id);
  expect(refused.error).toMatchObject({ status: 403, code: "not_admin" });
  expect((await admin.deleteUser(id)).error).toBeNull();
  expect((await admin.deleteUser(id)).error).toMatchObject({ status: 404, code: "user_not_found" });
  const gone = await openClient().auth.signInWithPassword({ email, password });
  expect(gone.error).toMatchObject({ code: "invalid_credentials" });
});

test("the demo users sign in, the administrator as one", async () => {
  for (const user of Object.values(stack.users))
    expect((await openClient().auth.signInWithPassword(user)).error).toBeNull();
  const { data } = await openClient().auth.signInWithPassword(stack.users.admin);
  expect(data.user?.app_metadata).toMatchObject({ role: "admin" });
});
