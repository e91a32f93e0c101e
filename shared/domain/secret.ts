/** A secret that shows itself only when asked to: logs, JSON and templates get `[redacted]`. */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

const redacted = "[redacted]";

/** Wraps a secret for its way through memory. */
export function createSecret(value: string): Secret {
  return Object.freeze({
    reveal: () => value,
    toString: () => redacted,
    toJSON: () => redacted,
    // What Node.js and Deno print when the object is logged.
    [Symbol.for("nodejs.util.inspect.custom")]: () => redacted,
    [Symbol.for("Deno.customInspect")]: () => redacted,
  });
}

/** What keys of providers, of Supabase and of ours look like, also half masked as providers echo them; and bearer tokens. */
const secretPattern =
  /\b(?:sk|pk|rk|whsec|sb|slc|xai|gsk|AIza)[-_][\w.*-]{6,}|\bAIza[\w-]{10,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+/g;

/** A text from outside, such as a provider's error, without what looks like a key or a token: fit for the log. */
export function scrubSecrets(text: string): string {
  return text.replaceAll(secretPattern, redacted);
}
