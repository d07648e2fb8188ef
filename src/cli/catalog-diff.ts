import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { diffContracts } from "../contract/diff-contract.ts";
import { diffPolicySets } from "../contract/diff-policies.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand } from "./command.ts";
import { diffResult } from "./diff-report.ts";
import { findContract, nameOfEntry } from "./find-contract.ts";
import { definitionsOf, openWorkspace } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: {
    before: argument("a contract: `id@version` or a file; or a workspace's `policies` folder"),
    after: argument("the same, after the change"),
  },
  example: "catalog diff tls.inspect@1.0.0 catalog/tls/inspect.yaml",
  async run({ before, after }, context) {
    if (isFolder(before) || isFolder(after)) {
      return diffResult(before, after, diffPolicySets(policiesIn(before), policiesIn(after)));
    }
    const [old, now] = [before, after].map((name) => findContract(() => definitionsOf(context), name));
    if (old === undefined || now === undefined) throw usage("two contracts are needed");
    return diffResult(nameOfEntry(old), nameOfEntry(now), diffContracts(old.contract, now.contract));
  },
});

function policiesIn(folder: string): PolicySet {
  if (!isFolder(folder) || basename(resolve(folder)) !== "policies") {
    throw usage(
      `\`${folder}\` is no \`policies\` folder`,
      "compare two folders named `policies`, or two contracts",
    );
  }
  return openWorkspace(dirname(resolve(folder))).policies();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
