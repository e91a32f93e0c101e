import type { ISql, JSONValue } from "postgres";
import { AuthError } from "./auth-error.ts";
import { hashPassword } from "./passwords.ts";

export type Metadata = Record<string, JSONValue>;

/** A row of auth.users. */
export interface UserRow {
  id: string;
  aud: string;
  role: string;
  email: string;
  encrypted_password: string;
  email_confirmed_at: Date | null;
  last_sign_in_at: Date | null;
  raw_app_meta_data: Metadata;
  raw_user_meta_data: Metadata;
  is_anonymous: boolean;
  created_at: Date;
  updated_at: Date;
}

export interface NewUser {
  email: string;
  password: string;
  userMetadata?: Metadata | undefined;
  appMetadata?: Metadata | undefined;
}

export interface UserChange {
  email?: string | undefined;
  password?: string | undefined;
  userMetadata?: Metadata | undefined;
}

const minimumPasswordLength = 6;
const uniqueViolation = "23505";

/** Adds a user whose address counts as confirmed. Throws an AuthError for a weak password or an address that is taken. */
export async function insertUser(sql: ISql, user: NewUser): Promise<UserRow> {
  const email = checkEmail(user.email);
  const password = await hashPassword(checkPassword(user.password));
  const appMetadata = { provider: "email", providers: ["email"], ...user.appMetadata };
  return refuseTakenEmail(async () => {
    const [row] = await sql<[UserRow]>`
      insert into auth.users (email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
      values (${email}, ${password}, now(), ${sql.json(appMetadata)}, ${sql.json(user.userMetadata ?? {})})
      returning *`;
    return row;
  });
}

/** Changes what is given; metadata is merged key by key, and null removes a key. */
export async function changeUser(sql: ISql, id: string, change: UserChange): Promise<UserRow> {
  const email = change.email === undefined ? null : checkEmail(change.email);
  const password = change.password === undefined ? null : await hashPassword(checkPassword(change.password));
  return refuseTakenEmail(async () => {
    const [row] = await sql<[UserRow]>`
      update auth.users
      set email = coalesce(${email}, email),
          encrypted_password = coalesce(${password}, encrypted_password),
          raw_user_meta_data = (raw_user_meta_data || changed.keys)
            - array(select key from jsonb_each(changed.keys) where value = 'null'),
          updated_at = now()
      from (select ${sql.json(change.userMetadata ?? {})}::jsonb as keys) changed
      where id = ${id}
      returning users.*`;
    return row;
  });
}

export async function findUser(sql: ISql, id: string): Promise<UserRow | undefined> {
  const [row] = await sql<UserRow[]>`select * from auth.users where id::text = ${id}`;
  return row;
}

export async function findUserByEmail(sql: ISql, email: string): Promise<UserRow | undefined> {
  const [row] = await sql<UserRow[]>`select * from auth.users where lower(email) = ${email.toLowerCase()}`;
  return row;
}

/** Removes a user and all that belongs to them. Returns false when there is none. */
export async function deleteUser(sql: ISql, id: string): Promise<boolean> {
  const { count } = await sql`delete from auth.users where id::text = ${id}`;
  return count > 0;
}

/** A user as Supabase Auth describes one. */
export function describeUser(row: UserRow): Record<string, unknown> {
  return {
    id: row.id,
    aud: row.aud,
    role: row.role,
    email: row.email,
    email_confirmed_at: row.email_confirmed_at,
    confirmed_at: row.email_confirmed_at,
    phone: "",
    last_sign_in_at: row.last_sign_in_at,
    app_metadata: row.raw_app_meta_data,
    user_metadata: row.raw_user_meta_data,
    identities: [],
    created_at: row.created_at,
    updated_at: row.updated_at,
    is_anonymous: row.is_anonymous,
  };
}

function checkEmail(email: string): string {
  if (/^[^\s@]+@[^\s@]+$/.test(email)) return email.toLowerCase();
  throw new AuthError(400, "validation_failed", "Unable to validate email address: invalid format");
}

function checkPassword(password: string): string {
  if (password.length >= minimumPasswordLength) return password;
  throw new AuthError(
    422,
    "weak_password",
    `Password should be at least ${minimumPasswordLength} characters.`,
    { weak_password: { reasons: ["length"] } },
  );
}

async function refuseTakenEmail(write: () => Promise<UserRow>): Promise<UserRow> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === uniqueViolation)
      throw new AuthError(422, "user_already_exists", "User already registered");
    throw error;
  }
}
