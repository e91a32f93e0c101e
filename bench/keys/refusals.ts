import { createApiKey } from "../../shared/keys/api-key.ts";
import { openConnection } from "../http-connection.ts";
import { welchT } from "../welch.ts";

const tries = 10_000;
const warmUp = 500;

/**
 * How far apart the times are in which two kinds of keys are refused, as Welch's t over 10,000 tries of each. They take turns on one
 * connection, so that a machine that gets slower does so for both.
 * @param request the bytes of a request with a key
 * @param kinds each gives a key for a try
 * @throws Error where the refusals themselves differ
 */
export async function compareRefusals(
  port: number,
  request: (key: string) => Uint8Array,
  kinds: readonly [() => Promise<string>, () => Promise<string>],
): Promise<number> {
  const connection = await openConnection(port);
  const times: [number[], number[]] = [[], []];
  const answers = new Set<string>();
  for (let number = 0; number < warmUp + tries; number++)
    // Who comes second finds what the first has warmed.
    for (const kind of number % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const bytes = request(await kinds[kind]());
      const sentMs = performance.now();
      const { status, body } = await connection.exchange(bytes);
      if (number >= warmUp) times[kind].push(performance.now() - sentMs);
      answers.add(`${status} ${body}`);
    }
  connection.close();
  if (answers.size !== 1) throw new Error(`Refusals differ: ${[...answers].join(" and ")}`);
  return welchT(...times);
}

/** A key that nobody has. */
export async function unknownKey(): Promise<string> {
  return (await createApiKey()).key.reveal();
}
