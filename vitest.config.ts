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
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
  },
});
