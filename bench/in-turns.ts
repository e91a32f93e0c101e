import { median } from "./percentile.ts";

/**
 * Measures servers in turns, round after round, so that a machine that gets slower or faster meanwhile does so for all.
 * Returns the results of each server, round by round.
 */
export async function measureInTurns<Server, Result>(
  servers: readonly Server[],
  rounds: number,
  measure: (server: Server) => Promise<Result>,
): Promise<Result[][]> {
  const results: Result[][] = servers.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, server] of servers.entries()) results[index]?.push(await measure(server));
  return results;
}

/** The median of a figure over the rounds. */
export function medianOf<Result>(results: readonly Result[], figure: (result: Result) => number): number {
  return median(results.map(figure));
}

/** The median over the rounds of what compares two servers in one round. */
export function medianOfPairs<Result>(
  results: readonly Result[],
  others: readonly Result[],
  compare: (result: Result, other: Result) => number,
): number {
  return median(results.map((result, round) => compare(result, others[round] as Result)));
}
