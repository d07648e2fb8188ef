// Every contract of the catalog that pins an operation is tested as `catalog test --mock` does: each answer that its
// description has is mapped, each error that it names has a class, and its calls are proof.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openWorkspace } from "../src/cli/open-definitions.ts";
import { testMock } from "../src/cli/test-mock.ts";
import { parseContract } from "../src/contract/parse-contract.ts";

const root = join(import.meta.dirname, "..");
const contracts = globSync("catalog/*/*.yaml", { cwd: root })
  .sort()
  .map((file) => parseContract(readFileSync(join(root, file), "utf8"), { file }))
  .filter(({ execution }) => execution.adapter === "openapi");

it("has such contracts", () => {
  expect(contracts.length).toBeGreaterThanOrEqual(25);
});

it.each(contracts.map((contract) => [contract.id, contract] as const))(
  "%s passes against a mock of its description",
  async (_id, contract) => {
    const test = await testMock(openWorkspace(root), contract, {}, () => undefined);
    expect(test.problems).toEqual([]);
    expect(test.mapped).toBeGreaterThan(0);
    expect(test.signals.every(({ holds }) => holds)).toBe(true);
    expect(test.classes.filter(({ reachedBy }) => reachedBy.length === 0)).toEqual([]);
  },
  60_000,
);
