import { readEvidence, runOfArtifact } from "../run/find-artifact.ts";
import { recordHold, recordLifecycle } from "../run/record-evidence.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { short } from "./find-receipt.ts";
import { withLane } from "./open-lane.ts";
import { signLifecycle } from "./sign-lifecycle.ts";

export const command = defineCommand({
  parameters: {
    artifact: argument("id of the artifact: `run/step/attempt/name`"),
    reason: requiredOption("--reason <text>", "why; stands in the receipt"),
    end: option("--end <hold>", "ends this hold: its digest or the first digits; signed by the owner"),
    as: option("--as <principal>", "who says so (default, without `--end`: the workspace's owner)"),
    key: option("--key <file>", "with `--end`: their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example: "artifact hold 3f9ab2c41d07e865/certificate/1/peer-chain --reason 'the case is open'",
  async run({ artifact, reason, end, as, key, sshKey }, context) {
    return withLane(context, async ({ lane, definitions }) => {
      if (end === undefined) {
        const principal = as ?? definitions.workspace().owner;
        const hold = await recordHold(lane, { artifact, principal, reason });
        return {
          exit: exit.done,
          json: { artifact, hold },
          print: (out) => out.line(`${artifact}: on hold ${short(hold)}, says ${principal}`),
        };
      }
      const { run, artifact: known } = runOfArtifact(lane, artifact);
      const standing = [...(readEvidence(lane, run).states.get(artifact)?.holds ?? [])];
      const [hold, more] = standing.filter((one) => one === end || short(one).startsWith(end));
      if (hold === undefined || more !== undefined)
        throw usage(
          `\`${end}\` names no hold of \`${artifact}\``,
          standing.length === 0 ? "it has none" : `its holds: ${standing.map(short).join(", ")}`,
        );
      const about = { action: "end-hold", artifact, digest: known.digest, reason, hold } as const;
      const envelope = await signLifecycle(lane, run, { as, key, sshKey }, about);
      const receipt = await recordLifecycle(lane, envelope, about);
      return {
        exit: exit.done,
        json: { artifact, hold, receipt },
        print: (out) => out.line(`${artifact}: hold ${short(hold)} ended, says ${as}`),
      };
    });
  },
});
