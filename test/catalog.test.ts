import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { adapters } from "../src/adapters/all.ts";
import { checkOf, parseCatalogChecks } from "../src/contract/catalog-checks.ts";
import type { CatalogLock } from "../src/contract/catalog-lock.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import { checkSchema } from "../src/contract/check-schema.ts";
import { type Contract, referenceOf } from "../src/contract/contract.ts";
import { digestOfDocument } from "../src/contract/digest-document.ts";
import { lintContract } from "../src/contract/lint-contract.ts";
import { lintRunbook } from "../src/contract/lint-runbook.ts";
import { mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { parseRunbook } from "../src/contract/parse-runbook.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import { samples } from "./catalog-samples.ts";

const root = join(import.meta.dirname, "..");
const contractFiles = globSync("catalog/*/*.yaml", { cwd: root }).sort();
const draftFiles = globSync("catalog/drafts/*/*.yaml", { cwd: root }).sort();
const runbookFiles = globSync("runbooks/*.yaml", { cwd: root }).sort();
const read = (file: string) => readFileSync(join(root, file), "utf8");

const books = new Map(
  runbookFiles.map((file) => {
    const runbook = parseRunbook(read(file), { file });
    return [referenceOf(runbook), runbook];
  }),
);
const catalog = new Map<string, Contract>();
for (const file of contractFiles) {
  const contract = parseContract(read(file), { file });
  catalog.set(referenceOf(contract), contract);
}

describe.each([...contractFiles, ...draftFiles])("%s", (file) => {
  const contract = parseContract(read(file), { file });

  it("lints clean", () => {
    expect(lintContract(contract)).toEqual([]);
  });

  it("lies where its id says", () => {
    const [system, ...name] = contract.id.split(".");
    const folder = draftFiles.includes(file) ? "catalog/drafts" : "catalog";
    expect(file).toBe(`${folder}/${system}/${name.join(".")}.yaml`);
    const up = "../".repeat(file.split("/").length - 1);
    expect(read(file).split("\n", 1)).toEqual([
      `# yaml-language-server: $schema=${up}schemas/contract.schema.json`,
    ]);
  });

  it("says the boundary of all four rows, and whose system it is", () => {
    expect(Object.keys(contract.boundary.external)).toEqual([
      "invocation",
      "transport",
      "evidence",
      "interpretation",
    ]);
    expect(contract.system?.name).toBeDefined();
  });

  const cases = samples[contract.id] ?? [];
  it("has a sample", () => {
    expect(cases.length).toBeGreaterThan(0);
  });

  it.each(cases)("maps sample %#", (sample) => {
    const checked = checkContractInputs(contract, sample.inputs);
    if (!checked.ok) throw new Error(checked.faults.join("\n"));
    const { inputs } = checked;

    const action = resolveAction(contract, inputs);
    if (!action.ok) throw new Error(action.faults.join("\n"));
    expect(action.subjects.map(({ kind, value }) => `${kind}:${value}`)).toEqual(sample.subjects);

    const adapter = adapters.find(({ id }) => id === contract.execution.adapter);
    if (adapter === undefined) throw new Error(`no adapter \`${contract.execution.adapter}\``);
    const parameters = evaluateTree(contract.execution.with, ["idempotencyKey", "inputs"], {
      idempotencyKey: "0".repeat(32),
      inputs,
    });
    if (!parameters.ok) throw new Error(parameters.message);
    // As for a call: what is null counts as not given.
    const given = Object.fromEntries(Object.entries(parameters.value).filter(([, value]) => value !== null));
    expect(checkSchema(adapter.parameters, given)).toEqual([]);

    const mapped = mapOutputs(contract, inputs, sample.result);
    if (!mapped.ok) throw new Error(JSON.stringify(mapped.faults));
    expect(mapped.outputs).toMatchObject(sample.outputs);
  });
});

describe.each(runbookFiles)("%s", (file) => {
  const runbook = parseRunbook(read(file), { file });

  it("lints clean against the catalog", () => {
    expect(lintRunbook(runbook, catalog)).toEqual([]);
  });

  it("gives every step a title", () => {
    expect(runbook.steps.filter(({ title }) => title === undefined)).toEqual([]);
  });
});

it("has a mark for every contract, and none for a draft", () => {
  const checks = parseCatalogChecks(read("catalog/checks.json"), { file: "catalog/checks.json" });
  const marked = [...catalog].filter(([one, contract]) => checkOf(checks, one, digestOfDocument(contract)));
  expect(marked.map(([reference]) => reference).sort()).toEqual([...catalog.keys()].sort());
  expect(Object.keys(checks.contracts).sort()).toEqual([...catalog.keys()].sort());
});

// A changed digest under an unchanged version is a mistake once the version was published: raise the version,
// then run this test with --update.
it("has exactly the digests that the lock pins", async () => {
  const contracts = Object.fromEntries(
    [...catalog].sort().map(([reference, contract]) => [reference, digestOfDocument(contract)]),
  );
  const runbooks = Object.fromEntries(
    [...books].sort().map(([reference, runbook]) => [reference, digestOfDocument(runbook)]),
  );
  const lock: CatalogLock = { apiVersion: "witnessops/v1", kind: "CatalogLock", contracts, runbooks };
  await expect(`${JSON.stringify(lock, null, 2)}\n`).toMatchFileSnapshot("../catalog.lock.json");
});
