import type { ServedBy } from "../domain/chat-event.ts";

/** The names of the headers below, for pages that may read them. */
export const servedByHeaderNames = [
  "x-sluice-model",
  "x-sluice-provider",
  "x-sluice-attempts",
  "x-sluice-credential",
  "x-sluice-warnings",
];

/** Who serves an answer, as headers, and which fields of the request were left out, where any were. */
export function servedByHeaders({ model, provider, attempts, credential, warnings }: ServedBy) {
  return {
    // A header takes no character beyond Latin-1.
    "x-sluice-model": encodeURI(model),
    "x-sluice-provider": provider,
    "x-sluice-attempts": String(attempts),
    ...(credential === undefined ? {} : { "x-sluice-credential": credential }),
    ...(warnings.length === 0 ? {} : { "x-sluice-warnings": warnings.map(({ param }) => param).join(",") }),
  };
}
