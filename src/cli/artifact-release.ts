import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isAgeRecipient } from "../format/age-recipient.ts";
import { runOfArtifact } from "../run/find-artifact.ts";
import { admitRelease, recordRelease } from "../run/record-evidence.ts";
import { releaseBytes } from "../run/release-bytes.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { readIdentity } from "./read-identity.ts";

export const command = defineCommand({
  parameters: {
    artifact: argument("id of the artifact: `run/step/attempt/name`"),
    to: requiredOption("--to <recipient>", "the one recipient: `age1…`"),
    out: requiredOption("-o, --out <file>", "write the encrypted artifact there"),
    reason: requiredOption("--reason <text>", "why"),
    identity: option(
      "--identity <file>",
      "of a sealed artifact: the age identity file of one who can open it",
    ),
    as: option("--as <principal>", "who releases it (default: the workspace's owner)"),
  },
  example:
    "artifact release 3f9ab2c41d07e865/vault/1/key --to age1… --identity ana.age -o key.age --reason 'asked for by the court'",
  async run({ artifact: id, to, out: path, reason, identity, as }, context) {
    if (!isAgeRecipient(to)) throw usage(`\`${to}\` is no age recipient`, "give their whole `age1…`");
    if (existsSync(path)) throw refused(`there is already a file at \`${path}\``, "name another path");
    return withLane(context, async ({ lane, definitions }) => {
      const request = { artifact: id, principal: as ?? definitions.workspace().owner, reason };
      const { artifact } = runOfArtifact(lane, id);
      await admitRelease(lane, request);
      if (artifact.sealed !== undefined && identity === undefined)
        throw usage(`\`${id}\` is sealed`, "add `--identity <file>` of one of its recipients");
      const open = identity === undefined ? undefined : await readIdentity(identity);
      // Ciphertext only; nobody has it before its release is recorded.
      const draft = `${path}.${process.pid}.tmp`;
      try {
        const { bytes, ended } = await releaseBytes(lane, artifact, to, open);
        await pipeline(
          Readable.from(bytes),
          createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true }),
        );
        const { digest, commitment } = ended();
        const receipt = await recordRelease(lane, request, { digest, recipient: to, commitment });
        renameSync(draft, path);
        return {
          exit: exit.done,
          json: { artifact: id, path, receipt, recipient: to, digest, commitment },
          print(printer) {
            printer.line(`${id} encrypted to ${to}: ${path}`);
            printer.line(`commitment ${commitment}: they check it with \`witnessops artifact open\``);
          },
        };
      } finally {
        rmSync(draft, { force: true });
      }
    });
  },
});
