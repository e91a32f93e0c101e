import { join } from "node:path";
import { projectRoot } from "../../local/project.ts";

/** Where the stack of all tests has its data, keys and logs. */
export const testDirectory = join(projectRoot, ".local", "test");
export const testLogs = join(testDirectory, "logs");
