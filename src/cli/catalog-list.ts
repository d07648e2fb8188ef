import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkOf } from "../contract/catalog-checks.ts";
import { defineCommand } from "./command.ts";
import { describeRule } from "./describe-action.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";

export const command = defineCommand({
  parameters: {},
  example: "catalog list",
  async run(_given, context) {
    const definitions = definitionsOf(context);
    const locked = existsSync(join(definitions.root, "catalog.lock.json"))
      ? definitions.lock().contracts
      : {};
    const checks = definitions.checks();
    const summaries = definitions.contractSummaries();
    const contracts = summaries.contracts.map((summary) => {
      const pinned = locked[summary.contract];
      const check = checkOf(checks, summary.contract, summary.digest);
      return {
        ...summary,
        lock: pinned === undefined ? "not locked" : pinned === summary.digest ? "locked" : "changed",
        checked: check?.checked ?? "no",
        ...(check === undefined ? {} : { against: check.against }),
      };
    });
    const { drafts, unreadable } = summaries;
    const counts = {
      contracts: contracts.length,
      systems: new Set(contracts.map(({ contract }) => contract.split(".")[0])).size,
      live: contracts.filter(({ checked }) => checked === "live").length,
      schema: contracts.filter(({ checked }) => checked === "schema").length,
      drafts: drafts.length,
    };
    return {
      exit: unreadable.length === 0 ? exit.done : exit.usage,
      json: { counts, contracts, drafts, unreadable },
      print(out) {
        out.table(
          ["contract", "effect", "approval", "lock", "checked", "title"],
          contracts.map(({ contract, effect, approval, lock, checked, title }) => [
            contract,
            effect,
            typeof approval === "string" ? approval : describeRule(approval, "the requester"),
            { text: lock, style: lock === "locked" ? "plain" : "warn" },
            { text: checked, style: checked === "no" ? "warn" : "plain" },
            title,
          ]),
        );
        if (drafts.length > 0) {
          out.heading("drafts: held against documentation only, called with `--draft` in a lab engagement");
          out.list(drafts.map(({ contract, title }) => `${contract}: ${title}`));
        }
        if (unreadable.length === 0) return;
        out.heading("no contracts yet: `witnessops catalog lint` says why");
        out.list(unreadable);
      },
    };
  },
});
