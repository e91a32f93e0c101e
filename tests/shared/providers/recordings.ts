import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../../local/project.ts";

/** True answers of providers. They are no part of the project: a folder beside it, where there is one. */
const folder = join(projectRoot, "..", "shared", "recordings");

/** Whether the recordings are beside the project: tests of them are skipped where they are not. */
export const hasRecordings = existsSync(folder);

/** The text of a recording, such as `openai/openai-text.json`. */
export function readRecording(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

/** The chunks of a recorded stream, such as `openai/openai-text`: one JSON text each. */
export function readRecordedChunks(name: string): string[] {
  return readRecording(`${name}.chunks.txt`).trim().split("\n");
}
