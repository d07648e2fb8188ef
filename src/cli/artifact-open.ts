import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { EvidenceError } from "../evidence/evidence-error.ts";
import { readSalted } from "../evidence/salted.ts";
import { isDigest } from "../format/digest.ts";
import { runOfArtifact } from "../run/find-artifact.ts";
import { readArtifact } from "../run/read-artifact.ts";
import { openArtifactFolder } from "../store/artifact-folder.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, type Context, defineCommand, option, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLedger } from "./open-ledger.ts";
import { readIdentity } from "./read-identity.ts";
import { writeDraft } from "./write-draft.ts";

export const command = defineCommand({
  parameters: {
    what: argument("a file that was released or came with a bundle, or the id of a sealed artifact"),
    identity: requiredOption("--identity <file>", "your age identity file"),
    commitment: option(
      "--commitment <digest>",
      "what the receipt says of it; of an artifact's id it is known. Without it nothing is checked",
    ),
    out: requiredOption("-o, --out <file>", "write the bytes there, in the clear"),
  },
  example: "artifact open key.age --identity bo.age --commitment sha256:5be0… -o key.txt",
  async run({ what, identity, commitment, out: path }, context) {
    if (commitment !== undefined && !isDigest(commitment))
      throw usage(
        `\`${commitment}\` is no commitment`,
        "copy it whole from the receipt: `sha256:` and 64 digits",
      );
    if (existsSync(path)) throw refused(`there is already a file at \`${path}\``, "name another path");
    const open = await readIdentity(identity);
    return existsSync(what)
      ? write(createReadStream(what), what, commitment)
      : withSealed(context, what, (bytes, known) => write(bytes, what, commitment ?? known));

    async function write(ciphertext: AsyncIterable<Uint8Array>, name: string, expected: string | undefined) {
      const plaintext = await open(ciphertext);
      if (plaintext === undefined)
        throw new EvidenceError({
          code: "IDENTITY_UNFIT",
          message: `\`${name}\` was not sealed to this identity`,
          hint: "use the identity file of one of its recipients",
        });
      const salted = readSalted(plaintext);
      await writeDraft(path, salted.bytes, () => {
        const found = salted.commitment();
        if (found === undefined || (expected !== undefined && found !== expected))
          throw new EvidenceError({
            code: "SEALED_DAMAGED",
            message: `what \`${name}\` holds is not what its commitment says`,
            hint: "it is another artifact, or not what the receipt is about",
          });
      });
      const found = salted.commitment();
      const checked = expected !== undefined;
      return {
        exit: exit.done,
        json: { path, commitment: found, checked },
        print: (printer: { line(text: string): void }) =>
          printer.line(`${path}: commitment ${found}${checked ? ", as the receipt says" : ", not checked"}`),
      };
    }
  },
});

/** Uses the ciphertext of a workspace's sealed artifact and its commitment. */
function withSealed<T>(
  context: Context,
  id: string,
  use: (bytes: AsyncIterable<Uint8Array>, commitment: string) => Promise<T>,
): Promise<T> {
  return withLedger(context, (store, root) => {
    const files = openArtifactFolder(join(root, ".witnessops", "artifacts"));
    const { artifact } = runOfArtifact({ store }, id);
    if (artifact.sealed === undefined)
      throw refused(`\`${id}\` is not sealed`, `witnessops artifact get ${id}`);
    if (store.retired(id))
      throw refused(`\`${id}\` was retired: its bytes are gone`, "witnessops artifact list");
    return use(readArtifact({ store, files }, artifact), artifact.sealed.commitment);
  });
}
