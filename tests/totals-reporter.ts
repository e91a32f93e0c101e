import type { Reporter, TestModule } from "vitest/node";

/** Closes a run with one plain line, `N passed, N failed, N skipped`, for scripts that read the output. */
export const totalsReporter: Reporter = {
  onTestRunEnd(modules, unhandledErrors) {
    const states = modules.flatMap(statesOf);
    const count = (state: string) => states.filter((found) => found === state).length;
    // A file that does not load has no test that could fail.
    const broken = modules.filter(
      (module) => module.state() === "failed" && !statesOf(module).includes("failed"),
    );
    const failed = count("failed") + broken.length + unhandledErrors.length;
    process.stdout.write(`${count("passed")} passed, ${failed} failed, ${count("skipped")} skipped\n`);
  },
};

function statesOf(module: TestModule): string[] {
  return [...module.children.allTests()].map((test) => test.result().state);
}
