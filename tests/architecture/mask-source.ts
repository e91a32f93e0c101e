/**
 * Blanks what is not code in TypeScript source: comments, the text of string and template literals, and regular
 * expressions. Quotes stay, every other blanked character becomes a space, and line breaks stay, so that the result has
 * the length and the lines of the source, and an offset in one is an offset in the other.
 */
export function maskSource(source: string): string {
  const out = source.split("");
  // One entry for each `${` that is open: how many braces are open inside it.
  const templates: number[] = [];
  let at = 0;

  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** Blanks the text of a template from `from` on, up to its end or to the next `${`. */
  const maskTemplate = (from: number): number => {
    for (let i = from; i < source.length; i++) {
      if (source[i] === "\\") i++;
      else if (source[i] === "`") {
        blank(from, i);
        return i + 1;
      } else if (source.startsWith("${", i)) {
        blank(from, i);
        templates.push(0);
        return i + 2;
      }
    }
    throw new Error("a template literal has no end");
  };

  while (at < source.length) {
    const character = source[at] as string;
    const literal = literalAt(source, at, out);
    if (literal !== undefined) {
      blank(at + literal.keep, literal.end - literal.keep);
      at = literal.end;
    } else if (character === "`") at = maskTemplate(at + 1);
    else if (character === "}" && templates.at(-1) === 0) {
      templates.pop();
      at = maskTemplate(at + 1);
    } else {
      const depth = templates.length - 1;
      if (depth >= 0 && character === "{") templates[depth] = (templates[depth] as number) + 1;
      if (depth >= 0 && character === "}") templates[depth] = (templates[depth] as number) - 1;
      at++;
    }
  }
  return out.join("");
}

/**
 * The comment, string or regular expression that starts at `at`: where it ends, and how many characters at either end
 * are quotes that stay. Undefined where code goes on.
 */
function literalAt(source: string, at: number, masked: string[]): { end: number; keep: number } | undefined {
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const end = pattern.exec(source) === null ? undefined : pattern.lastIndex;
    return end;
  };
  const comment = match(/\/\/[^\n]*|\/\*[\s\S]*?\*\//y);
  if (comment !== undefined) return { end: comment, keep: 0 };
  const text = match(/"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y);
  if (text !== undefined) return { end: text, keep: 1 };
  const pattern = match(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y);
  if (pattern !== undefined && !endsOperand(masked, at)) return { end: pattern, keep: 0 };
  return undefined;
}

/** Whether the code before `at` ends a value, so that a `/` at `at` divides and does not open a regular expression. */
function endsOperand(masked: string[], at: number): boolean {
  const before = masked
    .slice(Math.max(0, at - 40), at)
    .join("")
    .trimEnd();
  if (/(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|await|yield|throw)$/.test(before)) return false;
  return /[\w$)\]}"'`]$/.test(before);
}
