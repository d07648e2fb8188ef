import { referenceOf } from "../contract/contract.ts";
import type { Lane } from "../run/lane.ts";
import { recordContractStatus } from "../run/record-governance.ts";
import { viewRun } from "../run/view-run.ts";
import { argument, defineCommand, flag, option, repeatedOption } from "./command.ts";
import { compareWith, type Drift } from "./drift-sources.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";

/** A contract whose tool or operation is not the one that was reviewed, and what that touches. */
interface Drifted {
  readonly contract: string;
  /** The tool or operation that it pins. */
  readonly pins: string;
  readonly kind: Drift["kind"];
  readonly changes: Drift["changes"];
  readonly runbooks: readonly string[];
  /** Runs in which a call of it waits for an approval. */
  readonly waiting: readonly string[];
  readonly suspended: boolean;
}

export const command = defineCommand({
  parameters: {
    file: argument("the MCP server's answer to `tools/list`, or the OpenAPI description, as it is now"),
    prefix: option("--prefix <id>", "first part of the ids of the contracts that are of this system"),
    contract: repeatedOption("--contract <id@version>", "or only this one"),
    suspend: flag("--suspend", "suspend what drifted, until somebody has reviewed it"),
  },
  example: "catalog drift tools.json --prefix scanner --suspend",
  async run({ file, prefix, contract: only, suspend }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const runbooks = definitions.runbooks().map(({ runbook }) => runbook);
      const contracts = definitions.contracts().map(({ contract }) => contract);
      const compared = compareWith(file, contracts, definitions.root, { only, prefix });
      const drifted: Drifted[] = [];
      for (const { contract, pins, drift } of compared) {
        if (drift === undefined) continue;
        const reference = referenceOf(contract);
        drifted.push({
          contract: reference,
          pins,
          ...drift,
          runbooks: runbooks
            .filter(({ steps }) => steps.some(({ uses }) => uses === reference))
            .map(referenceOf),
          waiting: waitingRuns(lane, reference),
          suspended:
            suspend && (await suspendOnce(lane, definitions.workspace().owner, reference, drift.kind)),
        });
      }
      const same = compared.length - drifted.length;
      return {
        exit: drifted.length === 0 ? exit.done : exit.refused,
        json: { same, drifted },
        print(out) {
          out.line(`${same} as reviewed, ${drifted.length} drifted`);
          for (const one of drifted) {
            out.heading(`${one.contract}: ${one.kind}${one.suspended ? ", suspended" : ""}`);
            for (const { path, change } of one.changes) out.line(`  ${path}: ${change}`);
            out.pairs([
              ["runbooks", one.runbooks.join(", ") || "none"],
              ["waiting for approval", one.waiting.join(", ") || "none"],
            ]);
          }
        },
      };
    });
  },
});

function waitingRuns(lane: Lane, reference: string): string[] {
  return lane.store
    .runs({ openOnly: true })
    .map(({ run }) => viewRun(lane, run))
    .filter(({ steps }) =>
      steps.some((step) => step.contract === reference && step.waitingFor?.what === "approval"),
    )
    .map(({ run }) => run);
}

async function suspendOnce(lane: Lane, actor: string, reference: string, kind: string): Promise<boolean> {
  if ((lane.store.status(`contract:${reference}`) ?? "active") !== "active") return false;
  await recordContractStatus(lane, actor, reference, "suspended", `what it pins drifted: ${kind}`);
  return true;
}
