import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { ErrorCode } from "../domain/error-table.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Secret } from "../domain/secret.ts";
import type { Database as Schema } from "./database.types.ts";
import { codeOfSqlState } from "./sql-states.ts";

export type Database = SupabaseClient<Schema>;

interface DatabaseOptions {
  /** The project's URL. */
  url: string;
  secretKey: Secret;
  fetch: typeof fetch;
}

/** How long one call may take before the service counts as unavailable. */
const callTimeoutMs = 4000;

/** A client with the rights of the service. One per isolate: it keeps no state of a caller. */
export function createDatabase({ url, secretKey, fetch }: DatabaseOptions): Database {
  return createClient<Schema>(url, secretKey.reveal(), {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // Three more tries of a read, each with its own timeout and a wait before it, would last for 20 s.
    db: { retry: false },
    global: {
      fetch: (input, init) => {
        // The types of Deno and Node.js disagree about the members of init.
        const { signal: given } = (init ?? {}) as { signal?: AbortSignal | null };
        const timeout = AbortSignal.timeout(callTimeoutMs);
        return fetch(input, { ...init, signal: given ? AbortSignal.any([given, timeout]) : timeout });
      },
    },
  });
}

interface DatabaseAnswer<Data> {
  data: Data;
  /** Without a code where neither PostgREST nor Postgres answers; then the message is all of the answer. */
  error: { code?: string; message: string; details?: string | null } | null;
  status: number;
  count?: number | null;
}

/**
 * The data of an answer of PostgREST.
 * @throws SluiceError of the SQLSTATE where it is one of ours; database_unavailable where the database or the way to it is
 *   down; internal_error otherwise. The database's text is the cause, for the log.
 */
export function unwrap<Data>({ data, error, status }: DatabaseAnswer<Data>): NonNullable<Data> {
  if (error === null && data !== null && data !== undefined) return data;
  const cause = new DatabaseError(error?.code ?? "", `${status} ${describe(error)}`);
  throw new SluiceError(error === null ? "internal_error" : codeOfFailure(status, error.code), { cause });
}

/**
 * The data of an answer that has none where there is nothing of that name.
 * @param code of the error that is thrown then
 * @throws SluiceError that, and what `unwrap` throws
 */
export function unwrapFound<Data>(
  answer: DatabaseAnswer<Data>,
  code: ErrorCode,
  options?: ConstructorParameters<typeof SluiceError>[1],
): NonNullable<Data> {
  if (answer.error === null && answer.data === null) throw new SluiceError(code, options);
  return unwrap(answer);
}

/** An answer that is no error of PostgREST's may be half of a conversation, and does not belong in a log. */
function describe(error: DatabaseAnswer<unknown>["error"]): string {
  if (error === null) return "without data";
  return error.code === undefined ? "from elsewhere" : `${error.code}: ${error.message}`;
}

/**
 * Whether what `unwrap` threw is about one item of a call and not about the whole of it: its content was refused, or somebody
 * keeps locked what it needs.
 */
export function isItemFault(error: unknown): boolean {
  if (!(error instanceof SluiceError)) return false;
  const isLocked = error.cause instanceof DatabaseError && lockStates.has(error.cause.sqlState);
  return isLocked || error.code === "internal_error";
}

/** What the database said: for the log. */
class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly sqlState: string;

  constructor(sqlState: string, message: string) {
    super(message);
    this.sqlState = sqlState;
  }
}

/** Lock not available in time, deadlock, serialization failure. */
const lockStates = new Set(["55P03", "40P01", "40001"]);

function codeOfFailure(status: number, sqlState: string | undefined) {
  // Garbled, or a page of who stands between: nobody knows what became of the call. What they refuse (4xx) is a fault of the settings.
  if (sqlState === undefined)
    return status >= 400 && status < 500 ? "internal_error" : "database_unavailable";
  const ours = codeOfSqlState(sqlState);
  if (ours !== undefined) return ours;
  // Empty: no answer, or the session ended within the call. 502 to 504: PostgREST or Postgres is down or busy. 57: shut down or
  // cancelled by timeout. 53: out of connections or space. 08: connection. 25006: read-only. 0A000: a standby, on which PostgREST
  // cannot begin to write, or a plan from before a migration.
  const isUnavailable =
    sqlState === "" || (status >= 502 && status <= 504) || /^(57|53|08|25006|0A000)/.test(sqlState);
  return isUnavailable || lockStates.has(sqlState) ? "database_unavailable" : "internal_error";
}
