import { boundaryTable, renderBoundaryTable } from "../contract/boundary-table.ts";
import type { Contract } from "../contract/contract.ts";
import { argument, defineCommand } from "./command.ts";
import { exitOfRun, nameOf, printRun } from "./print-run.ts";
import { withRuns } from "./read-runs.ts";

export const command = defineCommand({
  parameters: { run: argument("id of the run") },
  example: "run show 3f9ab2c41d07e865",
  async run({ run }, context) {
    const { view, contracts, artifacts } = await withRuns(context, (reader) => ({
      view: reader.view(run),
      contracts: reader.states
        .load(run)
        .document.contracts.map(({ digest }) => reader.pinned.read("contract", digest)),
      artifacts: reader.store.artifacts(run).map(({ artifact }) => artifact),
    }));
    const tables = contracts.map((contract) => ({
      contract: nameOfContract(contract),
      rows: boundaryTable(contract),
      attests: contract.attests,
      doesNotAttest: contract.doesNotAttest,
    }));
    return {
      exit: exitOfRun(view),
      json: { ...view, artifacts, boundary: tables },
      print(out) {
        printRun(out, view);
        for (const step of view.steps) {
          if (step.outputs === undefined) continue;
          const contract = contracts.find((one) => nameOfContract(one) === step.contract);
          out.heading(`${nameOf(step)}, as reported by ${contract?.system?.name ?? "the external system"}`);
          out.pairs(Object.entries(step.outputs).map(([name, value]) => [name, JSON.stringify(value)]));
        }
        if (artifacts.length > 0) {
          out.heading("captured");
          out.table(
            ["artifact", "bytes", "sensitivity", "digest"],
            artifacts.map(({ id, size, sensitivity, digest }) => [
              id,
              String(size),
              sensitivity ?? "unclassified",
              digest,
            ]),
          );
        }
        for (const { contract, rows, attests, doesNotAttest } of tables) {
          out.heading(`boundary of ${contract}`);
          out.text(renderBoundaryTable(rows));
          out.pairs([
            ["attests", attests],
            ["does not attest", doesNotAttest],
          ]);
        }
      },
    };
  },
});

function nameOfContract({ id, version }: Contract): string {
  return `${id}@${version}`;
}
