import { type Database, type unwrap, unwrapFound } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import { SluiceError } from "../domain/errors.ts";

/** Of `ui` and of `session`, as JSON. */
export const maxOwnCharacters = 16_384;

/** What a caller chose. What `ui` and `session` hold is the app's. */
export interface Preferences {
  ui: Record<string, unknown>;
  session: Record<string, unknown>;
  model: {
    /** The model of a request that names none; null for the plan's. */
    defaultModel: string | null;
    /** Of chats that say nothing of it; null for the model's own. */
    temperature: number | null;
    /** Stands before the messages of chats. */
    systemPrompt: string | null;
  };
  keys: {
    /** Whether chats are served with the caller's own provider keys, where the plan leaves it to the caller. */
    preferOwnKeys: boolean;
    /** Where they are: whether the platform's keys take over when those fail or there is none. */
    allowPlatformKeys: boolean;
  };
  /** The model that a request without one goes to now. */
  modelInUse: string | null;
  /** The default model that was chosen, where it cannot be used now; else null. */
  unavailableDefaultModel: string | null;
}

/** What is to be changed: members that are absent stay, null removes. */
export interface PreferencesPatch {
  ui?: Record<string, unknown> | undefined;
  session?: Record<string, unknown> | undefined;
  model?: { [Name in keyof Preferences["model"]]?: Preferences["model"][Name] | undefined } | undefined;
  keys?: { [Name in keyof Preferences["keys"]]?: boolean | undefined } | undefined;
}

/** Whoever has no account any more is `unauthorized`. */
export interface PreferenceStore {
  read(userId: string): Promise<Preferences>;
  /**
   * Merges a change into what was there, as deep as it goes, and returns all of it.
   * @throws SluiceError for a default model that cannot be used: model_not_found, model_not_allowed, model_unavailable, unsupported_parameter
   */
  patch(userId: string, patch: PreferencesPatch): Promise<Preferences>;
}

/** Preferences by `get_preferences` and `patch_preferences`. */
export function createPreferences(database: Database): PreferenceStore {
  return {
    read: async (userId) => readRow(found(await database.rpc("get_preferences", { user_id: userId }))),

    async patch(userId, { ui, session, model, keys }) {
      const { defaultModel, temperature, systemPrompt } = model ?? {};
      // What is undefined is left out on the way.
      const answer = await database.rpc("patch_preferences", {
        user_id: userId,
        patch: {
          ...{ ui, session },
          model: { default_model: defaultModel, temperature, system_prompt: systemPrompt },
          keys: {
            prefer_own_keys: keys?.preferOwnKeys,
            allow_platform_keys: keys?.allowPlatformKeys,
          },
        } as never,
      });
      const row = found(answer);
      if (row.refusal === undefined) return readRow(row);
      throw toError(row.refusal, row.param);
    },
  };
}

interface PreferencesRow {
  refusal?: string;
  param?: string;
  ui: Record<string, unknown>;
  session: Record<string, unknown>;
  default_model: string | null;
  temperature: number | null;
  system_prompt: string | null;
  prefer_own_keys: boolean;
  allow_platform_keys: boolean;
  model_in_use: string | null;
  unavailable_default_model: string | null;
}

function found(answer: Parameters<typeof unwrap>[0]): PreferencesRow {
  return unwrapFound(answer, "unauthorized") as PreferencesRow;
}

function toError(refusal: string, param: string | undefined): SluiceError {
  const code = codeOfRefusal(refusal);
  if (param === undefined) {
    const message =
      code === "unsupported_parameter" ? { message: "model.defaultModel: this model does not chat." } : {};
    return new SluiceError(code, { param: "model.defaultModel", ...message });
  }
  return new SluiceError(code, {
    param,
    message: `${param}: would have more than ${maxOwnCharacters} characters of JSON, with what is there: remove something.`,
  });
}

function readRow(row: PreferencesRow): Preferences {
  return {
    ui: row.ui,
    session: row.session,
    model: {
      defaultModel: row.default_model,
      temperature: row.temperature,
      systemPrompt: row.system_prompt,
    },
    keys: { preferOwnKeys: row.prefer_own_keys, allowPlatformKeys: row.allow_platform_keys },
    modelInUse: row.model_in_use,
    unavailableDefaultModel: row.unavailable_default_model,
  };
}
