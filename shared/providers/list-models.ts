import { getObject, type SendOptions } from "./post.ts";
import { type ListedName, ProviderError } from "./provider.ts";
import { isObject } from "./untrusted.ts";

/** More pages than any provider has. */
const maxPages = 20;

/** How a vendor lists its models. Everything comes from outside and may be missing or of another type. */
interface ListFormat {
  /** The member that has the list. */
  list: string;
  /** Whether a page without entries may lack that member. */
  omitsEmpty: boolean;
  /** Undefined for what cannot be called. */
  readId(entry: Record<string, unknown>): unknown;
  /** The most tokens of a prompt, where the list tells. */
  readContext(entry: Record<string, unknown>): unknown;
  /** What is to be added to the address for the next page; undefined after the last one. */
  readNext(page: Record<string, unknown>): Record<string, string> | undefined;
}

/**
 * Reads the names of all models, page by page. Entries that are not understood are left out.
 * @throws ProviderError interrupted for a page that has no list, of which what came before would be but a part; else as `getObject` does
 */
export async function listModels(
  { url, headers }: { url: string; headers: Record<string, string> },
  options: SendOptions,
  format: ListFormat,
): Promise<ListedName[]> {
  const names = new Map<string, ListedName>();
  const address = new URL(url);
  for (let number = 0; number < maxPages; number++) {
    const page = (await getObject({ url: address.href, headers }, options)) as Record<string, unknown>;
    const list = page[format.list] ?? (format.omitsEmpty ? [] : undefined);
    if (!Array.isArray(list)) throw new ProviderError("interrupted", "the answer is no list of models");
    for (const entry of list) {
      if (!isObject(entry)) continue;
      const id = format.readId(entry as Record<string, unknown>);
      if (isName(id)) names.set(id, { id, contextTokens: readTokens(format.readContext({ ...entry })) });
    }
    const next = format.readNext(page);
    if (next === undefined) return [...names.values()];
    for (const [name, value] of Object.entries(next)) address.searchParams.set(name, value);
  }
  // What is left out would count as gone.
  throw new ProviderError("interrupted", `the list has more than ${maxPages} pages`);
}

function isName(id: unknown): id is string {
  return typeof id === "string" && /^[\x21-\x7E]{1,200}$/.test(id);
}

function readTokens(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 1e9 ? value : null;
}
