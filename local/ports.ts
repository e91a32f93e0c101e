import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** A port of 127.0.0.1 each: those given by name must be free, the others are chosen. */
export interface Ports {
  api: number;
  postgres: number;
  simulator: number;
  postgrest: number;
  postgrestAdmin: number;
  /** One a function, in the order of their names. */
  functions: number[];
}

/**
 * The ports from `base` on, in the order of `Ports`. Throws with a remedy when one of them is taken.
 */
export async function portsFrom(base: number, functionCount: number): Promise<Ports> {
  const ports = Array.from({ length: 5 + functionCount }, (_, index) => base + index);
  for (const port of ports) await (await listen(port)).close();
  return assign(ports);
}

/** Ports that are free now, for stacks whose addresses nobody types. */
export async function freePorts(functionCount: number): Promise<Ports> {
  // All at once, or the same port might be found twice.
  const held = await Promise.all(Array.from({ length: 5 + functionCount }, () => listen(0)));
  await Promise.all(held.map((each) => each.close()));
  return assign(held.map((each) => each.port));
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const held = await listen(0);
  await held.close();
  return held.port;
}

function assign(ports: number[]): Ports {
  const [api, postgres, simulator, postgrest, postgrestAdmin, ...functions] = ports as [
    number,
    number,
    number,
    number,
    number,
    ...number[],
  ];
  return { api, postgres, simulator, postgrest, postgrestAdmin, functions };
}

async function listen(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${port} is taken. Stop what uses it, or choose others: npm start -- --port 55321`);
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}
