import { scrubSecrets } from "./secret.ts";

/** What was thrown and what caused it, in one line for the log: without keys, which libraries keep in errors of theirs. */
export function describeCause(thrown: unknown): string {
  const parts: string[] = [];
  for (
    let error = thrown;
    error !== undefined && parts.length < 5;
    error = error instanceof Error ? error.cause : undefined
  ) {
    parts.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
  return scrubSecrets(parts.join(" ← "));
}
