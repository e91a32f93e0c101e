// What comes from outside may be of any type.

/** The object or list in a JSON text; undefined where there is none. */
export function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a payload that is no JSON was meant to be an object: something of the answer is lost. A text may do without a piece, the
 * arguments of a tool may not.
 */
export function isGarbledObject(payload: string): boolean {
  return payload.trimStart().startsWith("{");
}

/** Whether a value is a text with something in it. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Whether a value is an object or a list. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Whether a value is an embedding. */
export function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === "number");
}
