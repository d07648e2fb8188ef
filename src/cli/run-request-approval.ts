import { canonicalBytes } from "../format/canonical-json.ts";
import { requestDigest } from "../gate/request-digest.ts";
import { argument, defineCommand, flag, optionalArgument, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { findRequest } from "./find-request.ts";
import { withLane } from "./open-lane.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    list: flag("--list", "ask for all elements of a `forEach` step at once"),
    out: requiredOption("--out <file>", "where to write it; copy it to the approver's machine"),
  },
  example: "run request 3f9ab2c41d07e865 ports --out ports.request.json",
  run({ run, step, list, out: path }, context) {
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const request = await findRequest(lane, state, { step, list });
      writeNewFile(path, canonicalBytes(request));
      const digest = requestDigest(request);
      return {
        exit: exit.done,
        json: { path, actionDigest: digest, request },
        print(out) {
          out.pairs([
            ["request", path],
            ["digest", digest],
          ]);
          out.line();
          out.line("on the approver's machine:");
          out.line(
            `  witnessops run approve --request ${path} --as <approver> --ssh-key <file> --out signed.json`,
          );
          out.line("then here:");
          out.line("  witnessops run approve --import signed.json");
        },
      };
    });
  },
});
