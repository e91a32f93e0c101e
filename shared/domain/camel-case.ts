/** A value with the names of its members, and of theirs, as our API spells them; below a member of `foreign` the names are not ours. */
export function toCamelCase(value: unknown, foreign: ReadonlySet<string> = new Set()): unknown {
  if (Array.isArray(value)) return value.map((item) => toCamelCase(item, foreign));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      foreign.has(name) ? member : toCamelCase(member, foreign),
    ]),
  );
}

/** The other way round. */
export function toSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSnakeCase);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      toSnakeCase(member),
    ]),
  );
}
