/** A parameter: a text, or named ones. A list is named by its positions. */
export type Raw = string | { [name: string]: Raw };

/** Reads a form or a query with nested names, `items[0][price]=…`; names without a position, `expand[]`, are counted. */
export function parseForm(text: string): Record<string, Raw> {
  const form: Record<string, Raw> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.replaceAll("]", "").split("[");
    const last = path.pop() as string;
    let parent = form;
    for (const step of path) {
      const before = parent[step];
      const child: Record<string, Raw> = typeof before === "object" ? before : Object.create(null);
      parent[step] = child;
      parent = child;
    }
    parent[last === "" ? String(Object.keys(parent).length) : last] = value;
  }
  return form;
}
