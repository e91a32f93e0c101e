import { chunkCost } from "./parts/chunk-cost.ts";
import { firstToken } from "./parts/first-token.ts";
import { keys } from "./parts/keys.ts";
import { longAnswer } from "./parts/long-answer.ts";
import { metering } from "./parts/metering.ts";
import { models } from "./parts/models.ts";
import { pacedStreams } from "./parts/paced-streams.ts";
import type { Part } from "./parts/part.ts";
import { peer } from "./parts/peer.ts";
import { providers } from "./parts/providers.ts";
import { webhooks } from "./parts/webhooks.ts";

const parts: readonly Part[] = [
  providers,
  peer,
  firstToken,
  chunkCost,
  pacedStreams,
  longAnswer,
  models,
  keys,
  webhooks,
  metering,
];

/** The parts of a run in their order: those that are named; where none is, all but those that want to be named. @throws Error for a name that is none's */
export function chooseParts(names: readonly string[]): Part[] {
  const known = parts.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`There is no part "${unknown}" of the bench; there are ${known.join(", ")}.`);
  return parts.filter(({ name, onlyByName = false }) =>
    names.length === 0 ? !onlyByName : names.includes(name),
  );
}
