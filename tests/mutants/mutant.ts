/** A bug on purpose: one place of a file said wrongly. */
export interface Mutant {
  /** What is wrong, in a few words. */
  fault: string;
  file: string;
  /** The text that is replaced; it stands in the file exactly once. */
  from: string;
  to: string;
  /** The files of tests that must notice. */
  killedBy: string[];
}

/** The text of a file with the bug in it. Throws where what is to be replaced does not stand in it exactly once. */
export function mutate(source: string, { fault, file, from, to }: Mutant): string {
  const [before, after, ...others] = source.split(from);
  if (before === undefined || after === undefined || others.length > 0)
    throw new Error(
      `The mutant "${fault}" names a text that does not stand exactly once in ${file}: ${from}`,
    );
  return `${before}${to}${after}`;
}
