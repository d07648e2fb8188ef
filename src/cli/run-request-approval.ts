import { canonicalBytes } from "../format/canonical-json.ts";
import { actionDigest } from "../gate/action-digest.ts";
import { isWaitingForApproval } from "../run/record-approval.ts";
import { requestApproval } from "../run/request-approval.ts";
import { argument, defineCommand, optionalArgument, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { findWaiting } from "./find-waiting.ts";
import { withLane } from "./open-lane.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    out: requiredOption("--out <file>", "where to write it; copy it to the approver's machine"),
  },
  example: "run request 3f9ab2c41d07e865 ports --out ports.request.json",
  run({ run, step, out: path }, context) {
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const found = findWaiting(state, step, "waits for an approval", isWaitingForApproval);
      const request = await requestApproval(lane, state, found);
      writeNewFile(path, canonicalBytes(request));
      const digest = actionDigest(request.action);
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
