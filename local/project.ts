import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** The path of a file inside an installed package, whether or not it is there. */
export function packageFile(...path: string[]): string {
  return join(projectRoot, "node_modules", ...path);
}
