import type { Sql } from "postgres";

/** The setting that holds the address of the database. */
const setting = "DATABASE_URL";

/**
 * Connects to the database, by one session, for as long as it is used.
 * @throws Error that names the setting, what is wrong and the remedy, and nothing of the address: it holds a password, a part of which
 *   may be taken for the host where it is not written as addresses want it
 */
export async function withDatabase<T>(url: string | undefined, use: (sql: Sql) => Promise<T>): Promise<T> {
  if (!url)
    throw new Error(
      `${setting} is not set: it is the address of the database, postgresql://postgres:<password>@<host>:<port>/postgres.`,
    );
  const sql = await open(url);
  try {
    return await use(sql);
  } catch (error) {
    throw explain(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function open(url: string): Promise<Sql> {
  // Not at the top: what needs no database needs no package.
  const { default: postgres } = await import("postgres");
  try {
    const { protocol, searchParams } = new URL(url);
    if (!/^postgres(?:ql)?:$/.test(protocol)) throw new TypeError("another protocol");
    return postgres(url, {
      max: 1,
      // Seconds.
      connect_timeout: 10,
      // A pooler may give each transaction another session.
      prepare: false,
      onnotice: () => {},
      // As psql does.
      ...(searchParams.has("sslmode") || searchParams.has("ssl") ? {} : { ssl: "prefer" }),
    });
  } catch {
    throw new Error(
      `${setting} is not the address of a database: it is written postgresql://postgres:<password>@<host>:<port>/postgres, ` +
        "with %40, %2F and %23 for @, / and # in the password.",
    );
  }
}

const remedies: readonly [codes: RegExp, words: string][] = [
  [
    /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|CONNECT_TIMEOUT|57P03)$/,
    "cannot be reached: check its host and its port, and that the database runs",
  ],
  [/^28/, "is refused: check its user and its password"],
  [/^3D000$/, "names a database that does not exist: on Supabase it is called postgres"],
  [
    /^(?:42P01|42703|3F000)$/,
    'leads to a database without the tables of keys: "supabase db push" makes them',
  ],
  [/^42501$/, "names a user who may not change stored keys: connect as postgres"],
  [
    /^(?:CONNECTION_\w+|ECONNRESET|EPIPE|57P0[12]|08\w{3})$/,
    "leads to a database that has closed the connection: run the command again, what is done stays done",
  ],
];

/** Only the code is told: messages repeat parts of the address. */
function explain(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  const [, words = "cannot be used: the code says why"] = remedies.find(([codes]) => codes.test(code)) ?? [];
  return new Error(`${setting} ${words} (${code}).`);
}
