/** What a secret is known by, wherever it turns up. */
export interface Mark {
  /** What the secret is for: all that a report says of it. */
  slot: string;
  bytes: Buffer;
  /** How many bytes must follow, where the beginning of a secret may be shown. */
  more?: number;
}

export interface Search {
  /** Takes the next bytes of what is searched. */
  add(chunk: Uint8Array): void;
  /** The slots found so far. */
  found: ReadonlySet<string>;
}

export interface Finding {
  /** The answer, the log or the table. */
  place: string;
  slot: string;
}

// Between numbers: as bytes are printed, and as JSON has them, with their indexes or without, itself within JSON or a row of Postgres or not.
const comma = String.raw`,(?:\s|\\{1,2}n){0,8}(?:[\\"]{1,4}\d{1,5}[\\"]{1,4}:\s?)?`;
/** The most that a byte takes: its number and what is before it. */
const widestByte = 43;

/** The forms that text gives to bytes, as patterns. */
const forms: ((mark: Mark) => string)[] = [
  // An address leaves letters, digits, `-`, `.` and `_` as they are.
  form((byte) => `\\x${hexOf(byte)}`, "[\\w.-]"),
  form((byte) => eitherCase(hexOf(byte)), "[\\da-fA-F]{2}"),
  form((byte) => `%${eitherCase(hexOf(byte))}`, "%[\\da-fA-F]{2}"),
  form((byte) => `${byte}(?!\\d)`, "\\d{1,3}", comma),
  ...[0, 1, 2].map((before) => (mark: Mark) => base64Of(mark, before)),
];

/** Makes the function that begins a search, of whatever comes in pieces, for marks in all forms. */
export function createSecretSearch(marks: readonly Mark[]): () => Search {
  // One for all forms is ten times slower: their first characters have nothing in common.
  const patterns = forms.map((form) => new RegExp(marks.map((mark) => `(${form(mark)})`).join("|"), "g"));
  const longest = Math.max(...marks.map(({ bytes, more = 0 }) => (bytes.length + more) * widestByte));
  return () => {
    const found = new Set<string>();
    let rest = "";
    return {
      found,
      add(chunk) {
        const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
        for (const pattern of patterns)
          for (const [, ...groups] of text.matchAll(pattern))
            found.add(marks[groups.findIndex((group) => group !== undefined)]?.slot as string);
        rest = text.slice(-longest);
      },
    };
  };
}

function form(byteForm: (byte: number) => string, anyByte: string, between = ""): (mark: Mark) => string {
  return ({ bytes, more = 0 }) =>
    Array.from(bytes, byteForm).join(between) + (more > 0 ? `(?:${between}${anyByte}){${more}}` : "");
}

/** Those characters of the base64 that are the same whatever surrounds the bytes, of which so many come `before` in the first three. */
function base64Of({ bytes, more = 0 }: Mark, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
  const pattern = text
    .slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
    .replaceAll("+", "(?:[+-]|%2[bB])")
    .replaceAll("/", "(?:\\\\{0,2}/|_|%2[fF])");
  return more > 0 ? `${pattern}[\\w+/%-]{${more}}` : pattern;
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function eitherCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
