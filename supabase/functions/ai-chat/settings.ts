import type { TimeLimits } from "../../../shared/gateway/watch.ts";
import type { ReadSetting } from "../../../shared/http/platform-settings.ts";

export interface ChatSettings {
  limits: TimeLimits;
  heartbeatMs: number;
}

/** A longer one would fire at once. */
const longestTimerMs = 2 ** 31 - 1;
/** A hold lives for ten minutes: a chat has to be settled before. */
const longestDeadlineMs = 540_000;

/**
 * Reads the settings of chats, all in milliseconds. The defaults fit a paid Supabase project, whose workers take requests for
 * 200 s and live for 400 s, and whose proxy ends connections that are idle for 150 s.
 * @throws Error naming the setting that is not a number of milliseconds
 */
export function readChatSettings(setting: ReadSetting): ChatSettings {
  const readMs = (name: string, defaultMs: number): number => {
    const ms = Number(setting(name) || defaultMs);
    if (!Number.isInteger(ms) || ms < 1 || ms > longestTimerMs)
      throw new Error(`${name} must be a number of milliseconds, such as ${defaultMs}.`);
    return ms;
  };
  const deadlineMs = readMs("CHAT_DEADLINE_MS", 180_000);
  if (deadlineMs > longestDeadlineMs)
    throw new Error(`CHAT_DEADLINE_MS must not exceed ${longestDeadlineMs}.`);
  return {
    limits: {
      deadlineMs,
      firstTokenMs: readMs("CHAT_FIRST_TOKEN_MS", 20_000),
      gapMs: readMs("CHAT_GAP_MS", 30_000),
    },
    heartbeatMs: readMs("CHAT_HEARTBEAT_MS", 15_000),
  };
}
