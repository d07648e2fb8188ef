import { defineCommand, flag, option, optionalArgument } from "./command.ts";
import { decide } from "./sign-decision.ts";

export const command = defineCommand({
  parameters: {
    run: optionalArgument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    list: flag("--list", "decide on all elements of a `forEach` step at once"),
    key: option("--key <file>", "the approver's key file, kept outside the workspace"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
    as: option("--as <principal>", "the approver"),
    reason: option("--reason <text>", "a remark that is signed with it"),
    valid: option("--valid <duration>", "how long the approval may be used (default: 24h)"),
    yes: flag("--yes", "sign without asking: the action was read before"),
    request: option("--request <file>", "decide on a request that was copied here; needs no workspace"),
    out: option("--out <file>", "with --request: where the signed decision goes"),
    import: option("--import <file>", "record a decision that was signed elsewhere"),
  },
  example: "run approve 3f9ab2c41d07e865 ports --as ben --ssh-key ~/.ssh/id_ed25519",
  run: (given, context) => decide({ decision: "approve", ...given }, context),
});
