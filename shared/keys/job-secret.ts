import { createSecret, type Secret } from "../domain/secret.ts";
import { equalTexts } from "./equal-texts.ts";

/** Printable: it travels in a header. So long that nobody guesses it. */
const pattern = /^[\x20-\x7E]{32,}$/;

/**
 * Reads the secret that scheduled jobs show; null where none is set.
 * @throws Error naming the setting that is wrong, without a word of what it holds
 */
export function readJobSecret(setting: (name: string) => string | undefined): Secret | null {
  const text = setting("JOB_SECRET")?.trim() || null;
  if (text !== null && !pattern.test(text))
    throw new Error("JOB_SECRET must have at least 32 printable ASCII characters.");
  return text === null ? null : createSecret(text);
}

/** Whether a request shows the secret of jobs as its bearer token; compared in constant time. */
export async function isFromJob(request: Request, jobSecret: Secret): Promise<boolean> {
  const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  return equalTexts(given, jobSecret.reveal());
}
