import { existsSync } from "node:fs";
import { join } from "node:path";
import { referenceOf } from "../contract/contract.ts";
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
    const contracts = definitions.contracts().map(({ contract, digest, file }) => {
      const pinned = locked[referenceOf(contract)];
      return {
        contract: referenceOf(contract),
        title: contract.title,
        effect: contract.effect,
        approval: contract.authority.approval,
        adapter: contract.execution.adapter,
        digest,
        file,
        lock: pinned === undefined ? "not locked" : pinned === digest ? "locked" : "changed",
      };
    });
    return {
      exit: exit.done,
      json: { contracts },
      print(out) {
        out.table(
          ["contract", "effect", "approval", "lock", "title"],
          contracts.map(({ contract, effect, approval, lock, title }) => [
            contract,
            effect,
            typeof approval === "string" ? approval : describeRule(approval, "the requester"),
            { text: lock, style: lock === "locked" ? "plain" : "warn" },
            title,
          ]),
        );
      },
    };
  },
});
