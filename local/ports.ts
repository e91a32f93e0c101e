import { once } from "node:events";
import { createServer } from "node:net";

/** A port of 127.0.0.1 each: those given by name must be free, the others are chosen. */
export interface Ports {
  api: number;
  postgres: number;
  simulator: number;
  stripe: number;
  postgrest: number;
  postgrestAdmin: number;
  /** One a function, in the order of their names. */
  functions: number[];
}

/** How many there are besides those of the functions. */
const ownPorts = 6;

/**
 * The ports from `base` on, in the order of `Ports`. Throws with a remedy when one of them is taken.
 */
export async function portsFrom(base: number, functionCount: number): Promise<Ports> {
  const ports = Array.from({ length: ownPorts + functionCount }, (_, index) => base + index);
  for (const port of ports) await (await listen(port)).close();
  return assign(ports);
}

/** Ports that are free now, for stacks whose addresses nobody types. */
export async function freePorts(functionCount: number): Promise<Ports> {
  const ports: number[] = [];
  while (ports.length < ownPorts + functionCount) ports.push(await freePort());
  return assign(ports);
}

// Below those that Linux (from 32768), macOS and Windows (from 49152) give to connections that go out: one of these could be taken by any
// connection before its server listens.
const [lowest, count] = [20_000, 12_000];
/** Processes that ask at one time begin far from each other. */
let next = process.pid * 97;

/** A port that is free now; each time another one. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < count; tries++) {
    const port = lowest + (next++ % count);
    const isFree = await listen(port).then(
      (held) => held.close().then(() => true),
      () => false,
    );
    if (isFree) return port;
  }
  throw new Error(`All ports from ${lowest} to ${lowest + count - 1} of 127.0.0.1 are taken.`);
}

function assign(ports: number[]): Ports {
  const [api, postgres, simulator, stripe, postgrest, postgrestAdmin, ...functions] = ports as [
    number,
    number,
    number,
    number,
    number,
    number,
    ...number[],
  ];
  return { api, postgres, simulator, stripe, postgrest, postgrestAdmin, functions };
}

/** Throws with a remedy when the port is taken. */
async function listen(port: number): Promise<{ close(): Promise<void> }> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${port} is taken. Stop what uses it, or choose others: npm start -- --port 55321`);
  }
  return {
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}
