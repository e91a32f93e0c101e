import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { emptyState, type State } from "./state.ts";

const pauseMs = 1000;

/** The state as JSON: maps become lists of their entries. */
export function writeState(state: State): string {
  return JSON.stringify(state, (_, value) => (value instanceof Map ? [...value] : value));
}

/** Reads what `writeState` wrote; what is younger than the text is empty. */
export function readState(text: string): State {
  const kept = JSON.parse(text) as Record<string, unknown>;
  const state = emptyState() as unknown as Record<string, unknown>;
  for (const [name, empty] of Object.entries(state))
    if (name in kept) state[name] = empty instanceof Map ? new Map(kept[name] as []) : kept[name];
  return state as unknown as State;
}

/** The state that a file holds, or null where there is no such file. */
export function loadState(file: string): State | null {
  try {
    return readState(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${file} cannot be read. Delete it, or start with --reset.`, { cause: error });
  }
}

/** Writes the state to its file, whole or not at all: a moment after a change, and what is left at the end. */
export function createKeeper(file: string, state: State): { changed(): void; save(): void } {
  let timer: NodeJS.Timeout | undefined;
  mkdirSync(dirname(file), { recursive: true });
  return {
    changed() {
      timer ??= setTimeout(save, pauseMs).unref();
    },
    save,
  };

  function save(): void {
    clearTimeout(timer);
    timer = undefined;
    writeFileSync(`${file}.new`, writeState(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
