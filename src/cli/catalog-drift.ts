import { definitionDigest, toolDefinition } from "../adapters/mcp/tool-definition.ts";
import { referenceOf } from "../contract/contract.ts";
import { driftOfTool, pinnedTool, type ToolDrift } from "../contract/tool-drift.ts";
import type { Lane } from "../run/lane.ts";
import { recordContractStatus } from "../run/record-governance.ts";
import { viewRun } from "../run/view-run.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { readTools } from "./read-tools.ts";

/** A contract whose tool is not the one that was reviewed, and what that touches. */
interface Drifted {
  readonly contract: string;
  readonly tool: string;
  readonly kind: ToolDrift["kind"];
  readonly changes: ToolDrift["changes"];
  readonly runbooks: readonly string[];
  /** Runs in which a call of it waits for an approval. */
  readonly waiting: readonly string[];
  readonly suspended: boolean;
}

export const command = defineCommand({
  parameters: {
    file: argument("JSON of the MCP server's answer to `tools/list`, as it is now"),
    prefix: option("--prefix <id>", "first part of the ids of the contracts that are of this server"),
    contract: repeatedOption("--contract <id@version>", "or only this one"),
    suspend: flag("--suspend", "suspend what drifted, until somebody has reviewed it"),
  },
  example: "catalog drift tools.json --prefix scanner --suspend",
  async run({ file, prefix, contract: only, suspend }, context) {
    // The list does not name its server: contracts of another one would all count as gone.
    if (prefix === undefined && only.length === 0)
      throw usage("which contracts are of this server is not said", "give `--prefix`, or `--contract`");
    const tools = readTools(file);
    return withLane(context, async ({ lane, definitions }) => {
      const runbooks = definitions.runbooks().map(({ runbook }) => runbook);
      const drifted: Drifted[] = [];
      let same = 0;
      for (const { contract } of definitions.contracts()) {
        const pinned = pinnedTool(contract);
        const reference = referenceOf(contract);
        const isMeant =
          only.includes(reference) || (prefix !== undefined && contract.id.startsWith(`${prefix}.`));
        if (pinned === undefined || !isMeant) continue;
        const tool = tools.find(({ name }) => name === pinned.tool);
        const isSame =
          tool !== undefined && definitionDigest(toolDefinition(tool as never)) === pinned.definition;
        if (isSame) {
          same += 1;
          continue;
        }
        const drift = driftOfTool(contract, tool);
        drifted.push({
          contract: reference,
          tool: pinned.tool,
          ...drift,
          runbooks: runbooks
            .filter(({ steps }) => steps.some(({ uses }) => uses === reference))
            .map(referenceOf),
          waiting: waitingRuns(lane, reference),
          suspended:
            suspend && (await suspendOnce(lane, definitions.workspace().owner, reference, drift.kind)),
        });
      }
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
  await recordContractStatus(lane, actor, reference, "suspended", `its tool drifted: ${kind}`);
  return true;
}
