import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Load, LoadResult } from "./load.ts";

export interface LoadClient {
  run(load: Load): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Starts the process that makes the load. It also ends when this process does. */
export function startClient(): LoadClient {
  const child = fork(join(import.meta.dirname, "client.ts"), { serialization: "advanced" });
  const exited = once(child, "exit");
  const ended = exited.then(() => {
    throw new Error("The load client ended before it had a result.");
  });
  ended.catch(() => {});
  return {
    async run(load) {
      child.send(load);
      const [result] = await Promise.race([once(child, "message"), ended]);
      return result as LoadResult;
    },
    async stop() {
      child.kill();
      await exited;
    },
  };
}
