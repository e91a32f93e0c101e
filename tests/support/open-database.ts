import postgres from "postgres";

export type Database = ReturnType<typeof openDatabase>;

/** Opens a database, with at most so many sessions, to be ended by who opens it. Notices are printed unless they are taken. */
export function openDatabase(
  url: string,
  { max = 5, ...options }: { max?: number; onnotice?: () => void } = {},
) {
  return postgres(url, {
    ...options,
    max,
    // All of ours stay below 2^53.
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}
