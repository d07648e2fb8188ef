import { resolve } from "node:path";
import type { Contract } from "../contract/contract.ts";
import { ContractError } from "../contract/contract-error.ts";
import { lintRunbook } from "../contract/lint-runbook.ts";
import { parseRunbook } from "../contract/parse-runbook.ts";
import { DefinitionsError } from "../store/definitions-error.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { defineCommand, restArguments } from "./command.ts";
import { exitOfLint, lintFile, printLint } from "./lint-report.ts";
import { definitionsOf } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: { files: restArguments("files of runbooks (default: all of the workspace)") },
  example: "runbook lint runbooks/exposure-check.yaml",
  async run({ files }, context) {
    const definitions = definitionsOf(context);
    const paths =
      files.length > 0
        ? files.map((file) => ({ file, path: resolve(file) }))
        : definitions.runbookFiles().map((file) => ({ file, path: resolve(definitions.root, file) }));
    const lines = paths.flatMap(({ file, path }) =>
      lintFile(file, path, (text) => {
        const runbook = parseRunbook(text, { file });
        return lintRunbook(runbook, contractsOf(definitions, new Set(runbook.steps.map(({ uses }) => uses))));
      }),
    );
    return {
      exit: exitOfLint(lines),
      json: { files: paths.length, findings: lines },
      print: (out) => printLint(out, lines, paths.length, "runbook"),
    };
  },
});

/** Those of the named contracts that the catalog has; lint says which are missing. */
function contractsOf(
  definitions: WorkspaceDefinitions,
  references: ReadonlySet<string>,
): Map<string, Contract> {
  const found = new Map<string, Contract>();
  for (const reference of references) {
    try {
      found.set(reference, definitions.contract(reference).contract);
    } catch (error) {
      if (!(error instanceof DefinitionsError || error instanceof ContractError)) throw error;
    }
  }
  return found;
}
