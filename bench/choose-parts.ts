import { chunkCost } from "./parts/chunk-cost.ts";
import { firstToken } from "./parts/first-token.ts";
import { longAnswer } from "./parts/long-answer.ts";
import { pacedStreams } from "./parts/paced-streams.ts";
import type { Part } from "./parts/part.ts";
import { peer } from "./parts/peer.ts";
import { providers } from "./parts/providers.ts";

const parts: readonly Part[] = [providers, peer, firstToken, chunkCost, pacedStreams, longAnswer];

/** The parts of a run in their order: those that are named, all where none is. @throws Error for a name that is none's */
export function chooseParts(names: readonly string[]): Part[] {
  const known = parts.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`There is no part "${unknown}" of the bench; there are ${known.join(", ")}.`);
  return parts.filter(({ name }) => names.length === 0 || names.includes(name));
}
