import type { Digest } from "../format/digest.ts";
import { readEvidence, runOfArtifact } from "../run/find-artifact.ts";
import { recordLifecycle } from "../run/record-evidence.ts";
import { removeRetired, removeUnrecorded } from "../run/remove-retired.ts";
import { argument, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { signLifecycle } from "./sign-lifecycle.ts";

export const command = defineCommand({
  parameters: {
    artifact: argument("id of the artifact: `run/step/attempt/name`"),
    reason: requiredOption("--reason <text>", "why; signed with it"),
    as: option("--as <principal>", "an owner of the engagement"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example:
    "artifact retire 3f9ab2c41d07e865/mail/1/message --reason 'kept for 90 days' --as olga --key olga.pem",
  async run({ artifact, reason, as, key, sshKey }, context) {
    return withLane(context, async ({ lane }) => {
      const { run, artifact: known } = runOfArtifact(lane, artifact);
      let receipt: string | undefined = readEvidence(lane, run).states.get(artifact)?.retired?.receipt;
      // Retired before, and cut short or restored since: what is left is to remove the bytes.
      const digest = known.digest as Digest;
      const isThere = lane.store.pendingRemovals().includes(digest) || (await lane.files.has(digest));
      const again = receipt !== undefined && isThere;
      if (!again) {
        const about = { action: "retire", artifact, digest: known.digest, reason } as const;
        const envelope = await signLifecycle(lane, run, { as, key, sshKey }, about);
        receipt = await recordLifecycle(lane, envelope, about);
      }
      const left = (await removeRetired(lane)) + (await removeUnrecorded(lane));
      return {
        exit: left === 0 ? exit.done : exit.waiting,
        json: { artifact, receipt, pending: left },
        print(out) {
          out.line(`${artifact}: retired, ${receipt}`);
          if (left === 0)
            out.line("its bytes are gone from this workspace, unless another artifact has the same");
          else out.line("its bytes are still there: calls or readers are under way, run the command again");
        },
      };
    });
  },
});
