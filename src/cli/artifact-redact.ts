import { createReadStream, existsSync, statSync } from "node:fs";
import { maskStream } from "../evidence/mask-stream.ts";
import { startMasker } from "../evidence/masking.ts";
import { readSalted } from "../evidence/salted.ts";
import { needlesOf } from "../evidence/secret-forms.ts";
import { runOfArtifact } from "../run/find-artifact.ts";
import { readArtifact } from "../run/read-artifact.ts";
import { redactArtifact } from "../run/redact-artifact.ts";
import { choice } from "./choice.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { readIdentity } from "./read-identity.ts";
import { signLifecycle } from "./sign-lifecycle.ts";
import { writeDraft } from "./write-draft.ts";

export const command = defineCommand({
  parameters: {
    artifact: argument("id of the artifact: `run/step/attempt/name`"),
    mask: repeatedOption(
      "--mask <text>",
      "first step: mask this text in a draft; second step: refuse a copy that has it; may be given again",
    ),
    identity: option(
      "--identity <file>",
      "of a sealed artifact: the age identity file of one who can open it",
    ),
    out: option("-o, --out <file>", "first step: write the draft there, in the clear, to be looked at"),
    with: option("--with <file>", "second step: the copy that was looked at"),
    sensitivity: option("--sensitivity <word>", "second step: public, internal or confidential"),
    reason: option("--reason <text>", "second step: what was left out and why; signed with it"),
    as: option("--as <principal>", "second step: who looked at it"),
    key: option("--key <file>", "their key file"),
    sshKey: option(
      "--ssh-key <file>",
      "or their SSH key: a private key file, or a `.pub` whose key ssh-agent holds",
    ),
  },
  example:
    "artifact redact 3f9ab2c41d07e865/mail/1/message --with draft.eml --sensitivity internal --reason 'no names' --as ana --key ana.pem",
  async run(given, context) {
    const { artifact: id, with: copy, out: path, mask, identity, reason, as, key, sshKey } = given;
    if (copy === undefined) {
      if (path === undefined || mask.length === 0)
        throw usage(
          "a redacted copy is drafted first",
          "add `--mask <text>` and `-o <file>`, or `--with <file>`",
        );
      if (existsSync(path)) throw refused(`there is already a file at \`${path}\``, "name another path");
      return withLane(context, async ({ lane }) => {
        const { artifact } = runOfArtifact(lane, id);
        if (lane.store.retired(id))
          throw refused(`\`${id}\` was retired: its bytes are gone`, "witnessops artifact list");
        const stored = readArtifact(lane, artifact);
        const open = identity === undefined ? undefined : await readIdentity(identity);
        const plaintext = artifact.sealed === undefined ? stored : await open?.(stored);
        if (plaintext === undefined)
          throw usage(`\`${id}\` is sealed to others`, "add `--identity <file>` of one of its recipients");
        const bytes = artifact.sealed === undefined ? plaintext : readSalted(plaintext).bytes;
        const masked = maskStream(bytes, mask);
        await writeDraft(path, masked.bytes);
        return {
          exit: exit.waiting,
          json: { artifact: id, path, masked: masked.masked() },
          print(out) {
            out.line(`${path}: ${masked.masked()} masked`);
            out.line(
              "look at it, all of it; then `--with` it, `--sensitivity`, `--reason`, `--as` and your key",
            );
          },
        };
      });
    }
    if (as === undefined) throw usage("this is signed by a person", "add `--as <principal>` and their key");
    if (given.sensitivity === undefined || reason === undefined)
      throw usage("a redacted copy says what it is", "add `--sensitivity <word>` and `--reason <text>`");
    const sensitivity = choice("--sensitivity", given.sensitivity, ["public", "internal", "confidential"]);
    if (!statSync(copy).isFile()) throw usage(`\`${copy}\` is no file`);
    return withLane(context, async ({ lane }) => {
      const run = id.split("/")[0] ?? "";
      const redaction = { source: id, sensitivity, by: as, bytes: withoutTexts(copy, mask) };
      const { artifact, receipt } = await redactArtifact(lane, redaction, (derived) =>
        signLifecycle(
          lane,
          run,
          { as, key, sshKey },
          { action: "redact", artifact: derived.id, digest: derived.digest, reason, derivedFrom: id },
        ),
      );
      return {
        exit: exit.done,
        json: { artifact, receipt },
        print(out) {
          out.line(`${artifact.id}, ${artifact.size} bytes, ${artifact.digest}`);
          out.line("redacted: always operational input, nobody can check what was left out");
        },
      };
    });
  },
});

/** The bytes of a copy. @throws CliError `REFUSED` at their end when they have one of the texts, in any spelling. */
async function* withoutTexts(path: string, texts: readonly string[]): AsyncIterable<Uint8Array> {
  const masker = texts.length === 0 ? undefined : startMasker(needlesOf(texts));
  for await (const chunk of createReadStream(path)) {
    masker?.push(chunk);
    yield chunk;
  }
  masker?.end();
  if (masker === undefined || masker.masked === 0) return;
  throw refused(
    `\`${path}\` still has what \`--mask\` names, ${masker.masked} times`,
    "mask it there, and look again",
  );
}
