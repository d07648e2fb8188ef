import { existsSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { parseRunbook } from "../contract/parse-runbook.ts";
import { cedarLanguageVersion } from "../gate/cedar-language.ts";
import { readText } from "../store/document-files.ts";
import { readPolicyFolder } from "../store/policy-folder.ts";
import { type WhatIf, type WhatIfStep, whatIf } from "../verifier/what-if.ts";
import { withVerified } from "./bundle-input.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, type Result } from "./command.ts";
import { exit } from "./exit.ts";

import type { Printer } from "./output.ts";

export const command = defineCommand({
  parameters: {
    bundle: argument("a bundle (`.tar` or folder)"),
    runbook: option("--runbook <file>", "a changed runbook, instead of the one of the same id that was run"),
    policies: option("--policies <folder>", "a changed folder of policies, instead of those in force then"),
    trust: option("--trust <file>", "your trust file"),
  },
  example: "what-if proof.tar --runbook runbooks/exposure-check.yaml --trust trust.json",
  async run(given): Promise<Result> {
    if (given.runbook === undefined && given.policies === undefined)
      throw usage("nothing is changed", "add `--runbook <file>` or `--policies <folder>`");
    const runbook = given.runbook === undefined ? undefined : readRunbook(given.runbook);
    const policies = given.policies === undefined ? undefined : readPolicies(given.policies);
    return withVerified(given.bundle, given.trust, async (source, report) => {
      if (report.verdict === "invalid")
        throw refused(
          "the bundle is invalid: what it records may not be what happened",
          `witnessops verify ${given.bundle}`,
        );
      const found = await whatIf(source, report, {
        ...(runbook === undefined ? {} : { runbook }),
        ...(policies === undefined ? {} : { policies }),
      });
      return { exit: exit.done, json: found, print: (out) => printWhatIf(out, found) };
    });
  },
});

function readRunbook(path: string) {
  if (!existsSync(path)) throw notFound(`there is no runbook at \`${path}\``, "name a file");
  return parseRunbook(readText(path, dirname(path)), { file: basename(path) });
}

function readPolicies(path: string) {
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw notFound(`there is no folder of policies at \`${path}\``, "name a folder like `policies/`");
  return readPolicyFolder(resolve(path), cedarLanguageVersion());
}

function printWhatIf(out: Printer, { verdict, runs, differences }: WhatIf): void {
  out.line(
    `decided from what a bundle recorded that is ${verdict}; nothing was called, and nothing here is evidence`,
  );
  for (const { id, runbook, insteadOf, steps, gone } of runs) {
    out.heading(`run ${id}: ${runbook}${runbook === insteadOf ? "" : ` instead of ${insteadOf}`}`);
    out.table(
      ["", "step", "as recorded", "would be", "why"],
      [
        ...steps.map((step) => [
          step.differs ? "≠" : "",
          step.key === undefined ? step.step : `${step.step}[${step.key}]`,
          step.recorded === undefined ? "not in the run" : decided(step.recorded),
          decided(step),
          step.notes.join("; "),
        ]),
        ...gone.map((name) => ["≠", name.slice(id.length + 1), "in the run", "not there", ""]),
      ],
    );
  }
  out.line(differences === 0 ? "nothing would have been decided differently" : `${differences} would differ`);
}

function decided({ outcome, gate, reason }: Pick<WhatIfStep, "outcome" | "gate" | "reason">): string {
  return gate === undefined ? outcome : `${outcome} (${gate}: ${reason})`;
}
