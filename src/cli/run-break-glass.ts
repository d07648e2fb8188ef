import type { BreakGlassStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { BREAK_GLASS_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { isWaitingForApproval } from "../run/record-approval.ts";
import { recordBreakGlass } from "../run/record-break-glass.ts";
import { viewRun } from "../run/view-run.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, optionalArgument, requiredOption } from "./command.ts";
import { confirm } from "./confirm.ts";
import { exit } from "./exit.ts";
import { findWaiting } from "./find-waiting.ts";
import { notify } from "./notify.ts";
import { withLane } from "./open-lane.ts";
import { statementSigner } from "./statement-signer.ts";

export const command = defineCommand({
  parameters: {
    run: argument("id of the run"),
    step: optionalArgument("`step` or `step[key]` (default: the only one that waits)"),
    id: option("--id <id>", "which permission of the engagement (default: its only one)"),
    reason: requiredOption("--reason <text>", "why it cannot wait; signed with it, and reviewed"),
    as: requiredOption("--as <principal>", "who acts"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
    yes: flag("--yes", "sign without asking: the action was read before"),
  },
  example:
    "run break-glass 3f9ab2c41d07e865 isolate --reason 'it spreads' --as otto --ssh-key ~/.ssh/id_ed25519",
  async run({ run, step, id, reason, as, key, sshKey, yes }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      const state = lane.states.load(run);
      const found = findWaiting(state, step, "waits for an approval", isWaitingForApproval);
      const engagement = lane.pinned.read("engagement", state.document.engagement.digest);
      const glasses = engagement.breakGlass ?? [];
      const [only] = glasses;
      if (id === undefined && (only === undefined || glasses.length > 1)) {
        const names = glasses.map((one) => one.id).join(", ");
        throw usage(
          "`--id <id>` is missing",
          names === "" ? "the engagement permits no break-glass" : `one of ${names}`,
        );
      }
      const sign = await statementSigner(
        { key, sshKey },
        as,
        lane.pinned.read("principals", state.document.principals),
      );
      const { action } = found;
      context.progress(`action  ${action?.document.contract.id}: ${JSON.stringify(action?.document.inputs)}`);
      context.progress(`digest  ${action?.digest}`);
      if (!yes) await confirm(`Act without approval, as ${as}? It will be reviewed.`, "break");
      const statement: BreakGlassStatement = {
        purpose: "witnessops/break-glass/v1",
        breakGlass: id ?? only?.id ?? "",
        invocation: found.id,
        actionDigest: action?.digest ?? "",
        principal: as,
        reason,
        signedAt: utcFromMillis(Date.now()),
        nonce: lane.randomHex(16),
      };
      await recordBreakGlass(lane, run, await sign(canonicalBytes(statement), BREAK_GLASS_PAYLOAD_TYPE));
      const text = `${as} acts without approval at ${found.step}: ${reason}`;
      await notify(
        lane,
        definitions,
        viewRun(lane, run),
        [{ on: "break-glass", step: found.step, text }],
        context,
      );
      const within = glasses.find((one) => one.id === statement.breakGlass)?.reviewWithin;
      return {
        exit: exit.done,
        json: { run, breakGlass: statement },
        print(out) {
          out.line(
            `${found.id}: ${as} acts without approval; recorded, to be reviewed within ${within}. Next:`,
          );
          out.line(`  witnessops run resume ${run}`);
        },
      };
    });
  },
});
