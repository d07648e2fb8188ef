import { boundaryTable, renderBoundaryTable } from "../contract/boundary-table.ts";
import type { Contract } from "../contract/contract.ts";
import type { ArtifactState } from "../gate/evidence-state.ts";
import { readEvidence } from "../run/find-artifact.ts";
import { artifactState } from "./artifact-state.ts";
import { argument, defineCommand } from "./command.ts";
import { exitOfRun, nameOf, printRun } from "./print-run.ts";
import { type RunReader, withRuns } from "./read-runs.ts";

export const command = defineCommand({
  parameters: { run: argument("id of the run") },
  example: "run show 3f9ab2c41d07e865",
  async run({ run }, context) {
    const { view, contracts, artifacts, timestamps } = await withRuns(context, (reader) => ({
      view: reader.view(run),
      contracts: reader.states
        .load(run)
        .document.contracts.map(({ digest }) => reader.pinned.read("contract", digest)),
      timestamps: timestampsOf(reader, run),
      artifacts: readEvidence(reader, run).states.all().map(withState),
    }));
    const tables = contracts.map((contract) => ({
      contract: nameOfContract(contract),
      rows: boundaryTable(contract),
      attests: contract.attests,
      doesNotAttest: contract.doesNotAttest,
    }));
    return {
      exit: exitOfRun(view),
      json: { ...view, artifacts, timestamps, boundary: tables },
      print(out) {
        printRun(out, view);
        for (const step of view.steps) {
          if (step.outputs === undefined) continue;
          const contract = contracts.find((one) => nameOfContract(one) === step.contract);
          out.heading(`${nameOf(step)}, as reported by ${contract?.system?.name ?? "the external system"}`);
          out.pairs(Object.entries(step.outputs).map(([name, value]) => [name, JSON.stringify(value)]));
        }
        if (timestamps.length > 0) {
          out.heading("time-stamps");
          out.table(
            ["receipt", "stamped by"],
            timestamps.map(({ event, by }) => [
              event,
              by.join(", ") || "nobody yet: `witnessops receipt stamp`",
            ]),
          );
        }
        if (artifacts.length > 0) {
          out.heading("captured");
          out.table(
            ["artifact", "bytes", "sensitivity", "state", "digest"],
            artifacts.map((one) => [
              one.id,
              String(one.size),
              one.sensitivity ?? "unclassified",
              one.state,
              one.digest,
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

function withState(state: ArtifactState) {
  const { artifact, sensitivity } = state;
  return { ...artifact, ...(sensitivity === undefined ? {} : { sensitivity }), state: artifactState(state) };
}

/** Who stamped what opened and closed the run; empty where nobody stamps and nobody ever did. */
function timestampsOf({ store, states }: RunReader, run: string) {
  const { opened, closed, document } = states.load(run);
  const ends = [
    { event: "run-opened", receipt: opened },
    ...(closed === undefined ? [] : [{ event: "run-closed", receipt: closed }]),
  ].map(({ event, receipt }) => ({
    event,
    receipt,
    by: store.timestamps(receipt).map(({ authority }) => authority),
  }));
  const isWanted = document.requiredLayers.includes("time") || ends.some(({ by }) => by.length > 0);
  return isWanted ? ends : [];
}

function nameOfContract({ id, version }: Contract): string {
  return `${id}@${version}`;
}
