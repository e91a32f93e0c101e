import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Load, LoadResult } from "./load.ts";
import type { StreamLoad, StreamLoadResult } from "./streams.ts";

export interface LoadClient {
  /** As many requests as fit into a time. */
  load(load: Load): Promise<LoadResult>;
  /** A number of streams. */
  stream(load: StreamLoad): Promise<StreamLoadResult>;
  stop(): Promise<void>;
}

/** Starts the process that makes the load, one at a time. It also ends when this process does. */
export function startClient(): LoadClient {
  const child = fork(join(import.meta.dirname, "client.ts"), { serialization: "advanced" });
  const exited = once(child, "exit");
  const ended = exited.then(() => {
    throw new Error("The load client ended before it had a result.");
  });
  ended.catch(() => {});

  async function run(load: Load | StreamLoad): Promise<unknown> {
    child.send(load);
    const [result] = await Promise.race([once(child, "message"), ended]);
    return result;
  }

  return {
    load: (load) => run(load) as Promise<LoadResult>,
    stream: (load) => run(load) as Promise<StreamLoadResult>,
    async stop() {
      child.kill();
      await exited;
    },
  };
}
