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
      return runs.flatMap((id) => store.artifacts(id)).map(({ artifact }) => artifact);
    });
    return {
      exit: exit.done,
      json: { artifacts },
      print(out) {
        out.table(
          ["artifact", "bytes", "media type", "sensitivity", "exact", "digest"],
          artifacts.map(({ id, size, mediaType, sensitivity, exact, masked, digest }) => [
            id,
            String(size),
            mediaType,
            sensitivity ?? "unclassified",
            exact ? "yes" : `no, ${masked} masked`,
            digest,
          ]),
        );
      },
    };
  },
});
