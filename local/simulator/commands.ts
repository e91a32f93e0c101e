/** A command that does not exist or has a bad value; the message names it and the remedy. */
export class InvalidFault extends Error {}

/** Takes commands out of a list, one by one, and checks their values. Throws InvalidFault for a bad one. */
export interface Commands {
  take(name: string): string | undefined;
  takeInteger(name: string, least: number, most: number): number | null;
  /** A command without a value, or with this one alone. */
  takeWord(name: string, word?: string): boolean;
  takeChoice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | null;
  /** The name of something that tests begin, end or release. */
  takeName(name: string): string | null;
  /** Throws for what nobody took. */
  expectNone(): void;
}

/** Reads lists of commands, `key=value;key=value`. Throws InvalidFault for one that is given twice. */
export function readCommands(lists: readonly string[]): Commands {
  const given = new Map<string, string>();
  for (const command of lists.flatMap((list) => list.split(";"))) {
    const at = command.indexOf("=");
    const name = (at < 0 ? command : command.slice(0, at)).trim();
    if (given.has(name)) throw new InvalidFault(`the command "${name}" is given twice: give it once`);
    given.set(name, at < 0 ? "" : command.slice(at + 1).trim());
  }

  function take(name: string): string | undefined {
    const value = given.get(name);
    given.delete(name);
    return value;
  }

  return {
    take,
    takeInteger(name, least, most) {
      const value = take(name);
      if (value === undefined) return null;
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= least && number <= most)) throw badValue(name, value, `${least} to ${most}`);
      return number;
    },
    takeWord(name, word = "") {
      const value = take(name);
      if (value !== undefined && value !== word)
        throw badValue(name, value, word === "" ? "no value" : `"${word}"`);
      return value !== undefined;
    },
    takeChoice(name, choices) {
      const value = take(name);
      const choice = choices.find((each) => each === value) ?? null;
      if (value !== undefined && choice === null) throw badValue(name, value, choices.join(", "));
      return choice;
    },
    takeName(name) {
      const value = take(name);
      if (value !== undefined && !/^[\w.-]{1,100}$/.test(value))
        throw badValue(name, value, "a name of letters, digits, dots, dashes and underscores");
      return value ?? null;
    },
    expectNone() {
      for (const name of given.keys())
        throw new InvalidFault(
          `unknown command "${name}": see local/simulator/README.md for those that exist`,
        );
    },
  };
}

export function badValue(name: string, value: string, expected: string): InvalidFault {
  return new InvalidFault(`bad value "${value}" for the command "${name}": expected ${expected}`);
}
