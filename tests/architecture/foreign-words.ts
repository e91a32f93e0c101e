// Each pattern is written so that it does not match itself: this file is checked too.
const patterns: readonly [what: string, pattern: RegExp][] = [
  [
    "a folder of one machine",
    /(?<![\w.:/-])\/(?:hom[e]|User[s]|roo[t]|wor[k])\/(?!(?:me|you|user)\b)[\w.-]+/,
  ],
  ["a temporary folder of one machine", /(?<![\w.:-])(?:\/va[r])?\/tm[p]\/[\w.-]+/],
  ["a folder of one machine", /\b[A-Z]:\\{1,2}User[s]\b/],
  [
    "a package registry",
    /\bregistr[y]\.(?:npmjs|yarnpkg)\.|\bnpm\.pk[g]\.github\.|\bdeb\.debia[n]\.|\bpyp[i]\.org\b/,
  ],
];

/**
 * Finds what belongs to one machine or one network and not into the repository: paths of machines, addresses of
 * package registries. Takes a file's path and text, returns a sentence for each line that has one.
 */
export function findForeignWords(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) =>
    patterns.flatMap(([what, pattern]) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${path}:${index + 1} names ${what}: ${found}`];
    }),
  );
}
