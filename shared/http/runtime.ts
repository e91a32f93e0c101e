import type { ReadSetting } from "./platform-settings.ts";
import type { WriteLog } from "./request-log.ts";

/** What the runtime gives every function. */
export interface Runtime {
  setting: ReadSetting;
  fetch: typeof fetch;
  /** Milliseconds since the epoch; asked often. */
  epochMs(): number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  newId(): string;
  writeLog: WriteLog;
}
