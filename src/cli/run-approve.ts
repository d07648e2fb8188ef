import { argument, defineCommand, flag, option, optionalArgument, requiredOption } from "./command.ts";
import { decide } from "./sign-decision.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    key: requiredOption("--key <file>", "the approver's key file, kept outside the workspace"),
    as: requiredOption("--as <principal>", "the approver"),
    reason: option("--reason <text>", "a remark that is signed with it"),
    valid: option("--valid <duration>", "how long the approval may be used (default: 24h)"),
    yes: flag("--yes", "sign without asking: the action was read before"),
  },
  example: "run approve 3f9ab2c41d07e865 ports --as ben --key ~/.witnessops/ben.pem",
  run: (given, context) => decide({ decision: "approve", ...given }, context),
});
