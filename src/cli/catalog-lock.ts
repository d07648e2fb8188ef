import { existsSync } from "node:fs";
import { join } from "node:path";
import { adapters } from "../adapters/all.ts";
import { referenceOf } from "../contract/contract.ts";
import { lintContract } from "../contract/lint-contract.ts";
import { catalogLockText } from "../contract/parse-catalog-lock.ts";
import { recordCatalogPublished } from "../run/record-governance.ts";
import { buildLock } from "./build-lock.ts";
import { CliError } from "./cli-error.ts";
import { defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { replaceFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {},
  example: "catalog lock",
  async run(_given, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const entries = definitions.contracts();
      const runbooks = definitions.runbooks();
      const path = join(lane.root, "catalog.lock.json");
      const { lock, added, removed, faults } = buildLock(
        { contracts: entries, runbooks },
        existsSync(path) ? definitions.lock() : undefined,
      );
      const ids = adapters.map(({ id }) => id);
      const contracts = new Map(entries.map(({ contract }) => [referenceOf(contract), contract]));
      const errors = entries.flatMap(({ contract, file }) =>
        lintContract(contract, { adapters: ids, contracts })
          .filter(({ level }) => level === "error")
          .map((finding) => `${file} \`${finding.path}\`: ${finding.message}`),
      );
      const all = [...faults, ...errors];
      if (all.length > 0) {
        const message = all.pop() ?? "";
        throw new CliError({ code: "REFUSED", faults: all, message, hint: "the lock is as it was" });
      }
      const changed = added.length + removed.length > 0;
      if (changed) {
        // Recorded first: a lock that nobody recorded would never be noticed.
        await recordCatalogPublished(lane, definitions.workspace().owner, lock);
        replaceFile(path, catalogLockText(lock));
      }
      return {
        exit: exit.done,
        json: {
          contracts: entries.map(({ contract }) => referenceOf(contract)),
          runbooks: runbooks.map(({ runbook }) => referenceOf(runbook)),
          added,
          removed,
          changed,
        },
        print(out) {
          for (const reference of added) out.line({ text: "+ ", style: "good" }, reference);
          for (const reference of removed) out.line({ text: "- ", style: "bad" }, reference);
          out.line(
            changed
              ? `${entries.length} contracts and ${runbooks.length} runbooks locked; engagements pin the lock: an owner has to authorize each one again`
              : `${entries.length} contracts and ${runbooks.length} runbooks, the lock is up to date`,
          );
        },
      };
    });
  },
});
