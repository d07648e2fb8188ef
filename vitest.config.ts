import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/import-violation/**"],
    pool: "forks",
    execArgv: ["--disable-warning=ExperimentalWarning"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
  },
});
