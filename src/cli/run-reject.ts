import { argument, defineCommand, flag, optionalArgument, requiredOption } from "./command.ts";
import { decide } from "./sign-decision.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    key: requiredOption("--key <file>", "the approver's key file, kept outside the workspace"),
    as: requiredOption("--as <principal>", "the approver"),
    reason: requiredOption("--reason <text>", "why; signed with it"),
    yes: flag("--yes", "sign without asking: the action was read before"),
  },
  example: "run reject 3f9ab2c41d07e865 ports --as ben --key ~/.witnessops/ben.pem --reason 'not this week'",
  run: (given, context) => decide({ decision: "reject", valid: undefined, ...given }, context),
});
