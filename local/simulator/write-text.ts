import { bytesPerToken } from "./token-count.ts";

// Each is one token of exactly four UTF-8 bytes. Some are not ASCII: whoever reads a reply must cope with characters that are
// cut between two reads.
const words =
  " ash, bay, bee, box, bud, cay, cod, dew, elm, fen, fig, fir, fog, fox, gem, hay, hop, ice, ivy, jay, kid, lea, log, mud, nut, oak, oar, oat, owl, pea, pie, pod, ray, roe, rye, sap, sea, sky, sod, sun, tar, tea, tin, urn, wax, web, yam, yew, né, ñu, 東,🌊".split(
    ",",
  );

const isAscii = /^\p{ASCII}*$/u;

/**
 * Echoes `text`, then goes on in words that depend on it, until there are `count` tokens of four UTF-8 bytes. Where a character
 * would not fit into what is left of a token, spaces come before it.
 */
export function writeText(text: string, count: number): string[] {
  // A character has at least one byte: more of them than the tokens have bytes are never needed.
  const tokens = cutText(`You said: ${text.slice(0, count * bytesPerToken)}`, count);
  addWords(tokens, count);
  return tokens;
}

/** Thoughts about `text`, of `count` tokens. */
export function writeThoughts(text: string, count: number): string[] {
  const tokens = cutText(`Hm, ${text.slice(0, 16)}`, Math.min(count, 5));
  addWords(tokens, count);
  return tokens;
}

/** Cuts ASCII text into tokens, of which the last may be shorter. */
export function cutAscii(text: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < text.length; at += bytesPerToken) tokens.push(text.slice(at, at + bytesPerToken));
  return tokens;
}

function cutText(text: string, count: number): string[] {
  if (isAscii.test(text)) {
    const ascii = cutAscii(text.slice(0, count * bytesPerToken));
    const last = ascii.at(-1);
    if (last !== undefined) ascii[ascii.length - 1] = last.padEnd(bytesPerToken);
    return ascii;
  }
  const tokens: string[] = [];
  let token = "";
  let room = bytesPerToken;
  for (const character of text) {
    if (tokens.length === count) return tokens;
    const bytes = countBytes(character.codePointAt(0) as number);
    if (bytes > room) {
      tokens.push(token + " ".repeat(room));
      token = "";
      room = bytesPerToken;
    }
    token += character;
    room -= bytes;
    if (room > 0) continue;
    tokens.push(token);
    token = "";
    room = bytesPerToken;
  }
  if (token !== "") tokens.push(token + " ".repeat(room));
  return tokens.slice(0, count);
}

function countBytes(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

function addWords(tokens: string[], count: number): void {
  let seed = 0x811c9dc5;
  for (const token of tokens)
    for (let at = 0; at < token.length; at++) seed = Math.imul(seed ^ token.charCodeAt(at), 0x01000193);
  while (tokens.length < count) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    tokens.push(words[(seed >>> 8) % words.length] as string);
  }
}
