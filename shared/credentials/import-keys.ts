import type { PreferenceStore } from "../catalogue/preferences.ts";
import { type Database, unwrapFound } from "../database/database.ts";
import { type ErrorBody, SluiceError } from "../domain/errors.ts";
import type { ByokKey, ByokKeys, NamedKey } from "./byok-keys.ts";
import type { KeyExaminer } from "./key-examiner.ts";

/** What became of a key. `unchanged`: it was saved before. */
export type ImportedKey = { provider: string } & (
  | { result: "saved" | "unchanged"; key: ByokKey }
  | { result: "refused"; error: ErrorBody["error"] }
);

/** What became of the model that the app had chosen. */
export type ImportedModel = { requested: string } & (
  | { result: "set" | "unchanged"; id: string }
  | { result: "refused"; error: ErrorBody["error"] }
);

export interface ImportReport {
  keys: ImportedKey[];
  /** Null where none was named. */
  model: ImportedModel | null;
}

/** Takes over what an app kept on a device. */
export type ImportKeys = (
  userId: string,
  kept: { keys: NamedKey[]; model: string | undefined },
) => Promise<ImportReport>;

interface ImportOptions {
  database: Database;
  byokKeys: ByokKeys;
  examiner: KeyExaminer;
  preferences: PreferenceStore;
}

/**
 * Saves what is valid and says what became of each. What is saved already is not tried again, and nothing is overwritten, so that it
 * can be repeated, also from another device.
 */
export function createImportKeys({ database, byokKeys, examiner, preferences }: ImportOptions): ImportKeys {
  /** @param known the keys that there are, to which this one is added */
  async function importKey(userId: string, given: NamedKey, known: ByokKey[]): Promise<ImportedKey> {
    const { provider } = given;
    try {
      examiner.inspect(given);
      const fingerprint = await examiner.fingerprint(given);
      const same = known.find(
        (key) =>
          key.provider === provider && key.fingerprint === fingerprint && key.baseUrl === given.baseUrl,
      );
      if (same !== undefined && same.status !== "invalid")
        return { provider, result: "unchanged", key: same };
      await byokKeys.beginChecks(userId, 1);
      const name = same?.name ?? freeName(given, known);
      const { key } = await byokKeys.save(userId, { ...given, name });
      known.push(key);
      return { provider, result: "saved", key };
    } catch (thrown) {
      return { provider, result: "refused", error: tell(thrown) };
    }
  }

  async function importModel(userId: string, requested: string): Promise<ImportedModel> {
    try {
      const answer = await database.rpc("find_model_by_name", { name: requested });
      const id = unwrapFound(answer, "model_not_found", { param: "model" });
      const { model } = await preferences.read(userId);
      if (model.defaultModel === id) return { requested, result: "unchanged", id };
      await preferences.patch(userId, { model: { defaultModel: id } });
      return { requested, result: "set", id };
    } catch (thrown) {
      return { requested, result: "refused", error: tell(thrown) };
    }
  }

  return async (userId, { keys, model }) => {
    const known = [...(await byokKeys.list(userId)).keys];
    const results: ImportedKey[] = [];
    // One after the other: of two of one provider the first is to have the name and be preferred.
    for (const given of keys) results.push(await importKey(userId, given, known));
    return { keys: results, model: model === undefined ? null : await importModel(userId, model) };
  };
}

/** The name, or the first with a number behind that no other key of the provider has. */
function freeName({ provider, name }: NamedKey, known: ByokKey[]): string {
  const names = new Set(known.filter((key) => key.provider === provider).map((key) => key.name));
  let free = name;
  // Whole characters: half of one cannot be stored.
  for (let number = 2; names.has(free); number++) free = `${[...name].slice(0, 36).join("")} ${number}`;
  return free;
}

/** What a caller may be told of a refusal. @throws what is no refusal: then all of it can be asked for again */
function tell(thrown: unknown): ErrorBody["error"] {
  if (thrown instanceof SluiceError && thrown.status < 500) return thrown.toBody().error;
  throw thrown;
}
