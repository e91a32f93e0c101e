import type { ByokPermission } from "../domain/caller.ts";

/** What the operator says of callers' own provider keys. */
export interface ByokPolicy {
  /** In the place of what plans say; null where they decide. */
  permission: ByokPermission | null;
  /** Whether a key may come with a server of the caller's choice: a public https host. */
  allowsBaseUrls: boolean;
}

/**
 * Reads the policy. `DEPLOYMENT_MODE=self-hosted`: everybody brings keys of their own; `hosted`: plans decide, unless
 * `BYOK=forbidden`.
 * @throws Error naming the setting that is wrong
 */
export function readByokPolicy(setting: (name: string) => string | undefined): ByokPolicy {
  const mode = readWord(setting, "DEPLOYMENT_MODE", ["hosted", "self-hosted"]);
  const byok = readWord(setting, "BYOK", ["allowed", "forbidden"]);
  const baseUrls = readWord(setting, "BYOK_BASE_URLS", ["forbidden", "public"]);
  if (mode === "self-hosted" && byok === "forbidden")
    throw new Error(
      "BYOK must not be forbidden where DEPLOYMENT_MODE is self-hosted: nothing would be left.",
    );
  return {
    permission: mode === "self-hosted" ? "required" : byok === "forbidden" ? "forbidden" : null,
    allowsBaseUrls: baseUrls === "public",
  };
}

/** One of the words; the first where the setting is absent or empty. */
function readWord(setting: (name: string) => string | undefined, name: string, words: string[]): string {
  const word = setting(name)?.trim() || (words[0] as string);
  if (!words.includes(word)) throw new Error(`${name} must be ${words.join(" or ")}.`);
  return word;
}
