import type { Finding } from "./secret-search.ts";

/** The places that must have a secret. */
const known: { slot: string; place: RegExp; reason: string }[] = [
  {
    slot: "job secret",
    place: /^vault\.secrets$/,
    reason: "Jobs look it up there. Vault encrypts it, its stand-in does not.",
  },
  {
    slot: "access token",
    place: /^POST \S+\/auth\/v1\/(?:signup|token)$/,
    reason: "Whoever signs in is given it.",
  },
  {
    slot: "API key",
    place: /^POST \S+\/account\/api-keys$/,
    reason: "Whoever makes a key is shown it, this once.",
  },
];

export function isKnown(finding: Finding): boolean {
  return known.some(({ slot, place }) => slot === finding.slot && place.test(finding.place));
}

/** What was found where it must not be, in words, each once. */
export function listLeaks(findings: Finding[]): string[] {
  const leaks = findings.filter((finding) => !isKnown(finding));
  return [...new Set(leaks.map(({ slot, place }) => `${slot} in ${place}`))];
}
