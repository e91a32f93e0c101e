import { spawnSync } from "node:child_process";

/** Under whom Postgres runs. */
export interface PostgresUser {
  /** The user and group that must own its files; undefined when it is the one who starts it. */
  id: number | undefined;
  /** The command that runs a Postgres program as that user. */
  run(program: string, args: string[]): { command: string; args: string[] };
}

// `nobody`, and its group, which is called `nobody` or `nogroup`.
const nobody = 65534;

/**
 * Chooses under whom Postgres runs, which refuses to run as root: root starts it as `nobody`, everyone else as themselves.
 * Throws when root has no way to do so.
 */
export function postgresUser(postgresBinary: string, directory: string): PostgresUser {
  if (process.getuid?.() !== 0) return { id: undefined, run: (command, args) => ({ command, args }) };

  const plain = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
  // Where the project lies below a directory that others may not enter (a home of mode 0700), `nobody` reaches its files
  // by this one capability; without the securebit, access(2), which Postgres asks, would not count it.
  const withAccess = [
    ...plain,
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--securebits=+no_setuid_fixup",
  ];
  const reaches = (drop: string[]) =>
    ["-x", "-r"].every((right) =>
      succeeds([...drop, "test", right, right === "-x" ? postgresBinary : directory]),
    );
  const drop = [plain, withAccess].find(reaches);
  if (drop)
    return {
      id: nobody,
      run: (program, args) => ({ command: "setpriv", args: [...drop, program, ...args] }),
    };
  throw new Error(
    `Postgres does not run as root, and setpriv (of util-linux) cannot give user ${nobody} (nobody) access to ${directory}. ` +
      "Start as an ordinary user, or move the project to a directory that everyone may enter.",
  );
}

function succeeds(args: string[]): boolean {
  return spawnSync("setpriv", args, { stdio: "ignore" }).status === 0;
}
