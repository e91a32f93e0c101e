import { defineConfig } from "vitest/config";
import { totalsReporter } from "./tests/totals-reporter.ts";

export default defineConfig({
  test: {
    reporters: ["default", totalsReporter],
    // Many tests wait for a provider that is slow on purpose: while one file waits, another one works.
    maxWorkers: 2,
    projects: [
      // Rules of the tree and pure code: no process is started.
      {
        test: {
          name: "unit",
          include: [
            "tests/architecture/**/*.test.ts",
            "tests/shared/**/*.test.ts",
            "tests/local/**/*.test.ts",
            "tests/bench/**/*.test.ts",
            "tests/canaries/**/*.test.ts",
          ],
        },
      },
      // What a deployment uploads, by the real CLI.
      {
        test: {
          name: "deploy",
          include: ["tests/deploy/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // Schedules and what operators run, on databases of their own: the packaged one, and for schedules one with the real pg_cron
      // where it is installed.
      {
        test: {
          name: "schedules",
          include: ["tests/schedules/**/*.test.ts", "tests/operations/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      // What people do with a browser, against a stack of their own: its clock for payments is moved.
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      // Guarantees, over HTTP against one running stack.
      {
        test: {
          name: "stack",
          include: [
            "tests/functions/**/*.test.ts",
            "tests/database/**/*.test.ts",
            "tests/stack/**/*.test.ts",
          ],
          globalSetup: ["tests/stack.ts"],
          setupFiles: ["tests/canaries/setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
