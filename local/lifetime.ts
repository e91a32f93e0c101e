import { type StartChild, startChild } from "./child-process.ts";
import type { ProcessRecord } from "./process-record.ts";

/** All that one stack has started, so that it can be stopped at any moment, also halfway through its start. */
export interface Lifetime {
  /** Aborted when the end begins. */
  ending: AbortSignal;
  /** Starts a process that ends with the stack, and notes it in the stack's record. */
  start: StartChild;
  /** Waits for something that ends with the stack, and returns it. Throws, after stopping it, when the end has begun. */
  own<T extends { stop(): Promise<void> }>(starting: T | Promise<T>): Promise<T>;
  /** Stops everything and gives the stack's directory free. */
  end(): Promise<void>;
}

/** Begins a stack's lifetime, whose processes are noted in `record`. */
export function beginLifetime(record: ProcessRecord): Lifetime {
  const ending = new AbortController();
  const parts = new Set<{ stop(): Promise<void> }>();
  let ended: Promise<void> | undefined;

  return { ending: ending.signal, start, own, end: () => (ended ??= end()) };

  async function own<T extends { stop(): Promise<void> }>(starting: T | Promise<T>): Promise<T> {
    const part = await starting;
    if (ending.signal.aborted) {
      await part.stop();
      throw new Error("The stack is being stopped.");
    }
    parts.add(part);
    return part;
  }

  async function start(options: Parameters<StartChild>[0]): ReturnType<StartChild> {
    ending.signal.throwIfAborted();
    const child = await own(startChild(options));
    record.add(child);
    void child.exited.then(() => {
      record.remove(child.pid);
      parts.delete(child);
    });
    return child;
  }

  async function end(): Promise<void> {
    ending.abort(new Error("The stack is being stopped."));
    await Promise.allSettled([...parts].map((part) => part.stop()));
    record.release();
  }
}
