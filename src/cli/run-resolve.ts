import { type ResolutionStatement, releases } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { RESOLUTION_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { resolveStep } from "../run/resolve-step.ts";
import { choice } from "./choice.ts";
import { argument, defineCommand, option, optionalArgument, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { findWaiting } from "./find-waiting.ts";
import { withLane } from "./open-lane.ts";
import { statementSigner } from "./statement-signer.ts";

const FINDINGS = ["executed", "failed", "retry", "continue", "hand-over"] as const;

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    finding: requiredOption(
      "--finding <finding>",
      "executed or failed: what you found; retry: it did not happen, run it again; continue: go on after a held failure; hand-over: somebody else has it now, end the run",
    ),
    reason: requiredOption("--reason <text>", "how you know; signed with it"),
    as: requiredOption("--as <principal>", "who says so"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example:
    "run resolve 3f9ab2c41d07e865 ticket --finding executed --reason 'it is there' --as ana --key ana.pem",
  async run({ run, step, finding, reason, as, key, sshKey }, context) {
    const found = choice("--finding", finding, FINDINGS);
    return withLane(context, async ({ lane }) => {
      const state = lane.states.load(run);
      const principals = lane.pinned.read("principals", state.document.principals);
      const sign = await statementSigner({ key, sshKey }, as, principals);
      const invocation = findWaiting(state, step, "waits for a resolution", ({ phase, released }) =>
        releases.has(found) ? (phase === "failed" || phase === "denied") && !released : phase === "in-doubt",
      );
      const last = invocation.attempts.at(-1);
      const statement: ResolutionStatement = {
        purpose: "witnessops/resolution/v1",
        finding: found,
        invocation: invocation.id,
        attempt: last?.attempt ?? 1,
        actionDigest: last?.actionDigest ?? invocation.invocation?.actionDigest ?? invocation.receipt ?? "",
        principal: as,
        reason,
        signedAt: utcFromMillis(Date.now()),
        nonce: lane.randomHex(16),
      };
      const envelope = await sign(canonicalBytes(statement), RESOLUTION_PAYLOAD_TYPE);
      const recorded = await resolveStep(lane, run, envelope);
      return {
        exit: exit.done,
        json: { run, resolution: recorded },
        print(out) {
          out.line(`${invocation.id}: ${recorded.finding}, says ${as}; recorded. Next:`);
          out.line(`  witnessops run resume ${run}`);
        },
      };
    });
  },
});
