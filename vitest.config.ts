import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // Rules of the tree and pure code: no process is started.
      {
        test: {
          name: "unit",
          include: [
            "tests/architecture/**/*.test.ts",
            "tests/shared/**/*.test.ts",
            "tests/local/**/*.test.ts",
          ],
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
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
