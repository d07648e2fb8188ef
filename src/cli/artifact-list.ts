import { readEvidence } from "../run/find-artifact.ts";
import { PinnedDocuments } from "../run/pinned-documents.ts";
import { RunStates } from "../run/run-states.ts";
import { artifactState } from "./artifact-state.ts";
import { notFound } from "./cli-error.ts";
import { defineCommand, optionalArgument } from "./command.ts";
import { exit } from "./exit.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: { run: optionalArgument("id of the run (default: all runs)") },
  example: "artifact list 3f9ab2c41d07e865",
  async run({ run }, context) {
    const artifacts = await withLedger(context, (store) => {
      const all = store.runs().map((row) => row.run);
      if (run !== undefined && !all.includes(run)) throw notFound(`no run \`${run}\``, "witnessops run list");
      const runs = run === undefined ? all : [run];
      const states = new RunStates(store, new PinnedDocuments(store));
      return runs.flatMap((id) => [...readEvidence({ store, states }, id).states.all()]);
    });
    return {
      exit: exit.done,
      json: {
        artifacts: artifacts.map(({ artifact, sensitivity, holds, retired }) => ({
          ...artifact,
          ...(sensitivity === undefined ? {} : { sensitivity }),
          ...(holds.size === 0 ? {} : { holds: [...holds] }),
          ...(retired === undefined ? {} : { retired }),
        })),
      },
      print(out) {
        out.table(
          ["artifact", "bytes", "media type", "sensitivity", "state", "exact", "digest"],
          artifacts.map((state) => {
            const { id, size, mediaType, exact, masked, digest } = state.artifact;
            return [
              id,
              String(size),
              mediaType,
              state.sensitivity ?? "unclassified",
              artifactState(state),
              exact ? "yes" : `no, ${masked} masked`,
              digest,
            ];
          }),
        );
      },
    };
  },
});
