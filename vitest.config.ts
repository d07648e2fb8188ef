import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/import-violation/**"],
    pool: "forks",
    // The default leaves one core idle: of two, half.
    maxWorkers: availableParallelism(),
    execArgv: ["--disable-warning=ExperimentalWarning"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What is waited for comes when it comes: one second is nothing on a machine with other work.
    expect: { poll: { timeout: 15_000 } },
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
  },
});
