import type { Reporter, TestModule } from "vitest/node";

/** Ends a test run with one plain line, alone: `N passed, N failed`, and `, N skipped` when there are any. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") count.passed++;
        else if (state === "skipped") count.skipped++;
        else failedTests++;
      }
      // a file that could not be loaded, or a hook that threw, fails the run without a failed test
      const failedAlone = failedTests === 0 && module.state() === "failed";
      count.failed += failedAlone ? 1 : failedTests;
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  }
}
