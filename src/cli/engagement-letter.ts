import { copyFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { parseDocument } from "yaml";
import { parseEngagement } from "../contract/parse-engagement.ts";
import { digestOf, hexOf } from "../format/digest.ts";
import { CliError, usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { definitionsOf } from "./open-definitions.ts";
import { readScopeLines } from "./scope-lines.ts";
import { replaceFile } from "./write-file.ts";

const MAX_BYTES = 50 * 1024 * 1024;

export const command = defineCommand({
  parameters: {
    id: argument("id of the engagement"),
    file: argument("the signed letter, e.g. a PDF"),
    grantedBy: requiredOption("--granted-by <text>", "who signed it"),
    target: repeatedOption("--target <target>", "what it permits to be touched"),
    until: option("--until <utc>", "when the permission ends"),
  },
  example: "engagement letter acme letter.pdf --granted-by 'Acme, CISO, 1 March' --target example.com",
  async run({ id, file, grantedBy, target, until }, context) {
    const definitions = definitionsOf(context);
    const engagement = definitions.engagement(id);
    const { include, faults } = readScopeLines(target.join("\n"));
    if (faults.length > 0 || include.length === 0)
      throw usage(faults[0] ?? "the letter permits nothing", "add `--target example.com`");
    const bytes = readLetter(file);
    const digest = digestOf(bytes);
    const folder = join(definitions.root, "letters", engagement.id);
    const path = definitions.engagementFile(id);
    const document = parseDocument(readFileSync(path, "utf8"), { version: "1.2", schema: "core" });
    const name = `letter-${engagement.authorizations.length + 1}`;
    const entry = {
      id: name,
      kind: "letter",
      grantedBy,
      reference: basename(file),
      letterDigest: digest,
      targets: include,
      ...(until === undefined ? {} : { notAfter: until }),
    };
    document.addIn(["authorizations"], document.createNode(entry));
    const text = document.toString({ lineWidth: 0 });
    parseEngagement(text, { file: path });
    mkdirSync(folder, { recursive: true });
    const kept = join(folder, `${hexOf(digest)}${extname(file)}`);
    copyFileSync(file, kept);
    replaceFile(path, text);
    return {
      exit: exit.done,
      json: { engagement: engagement.id, authorization: name, letterDigest: digest, kept },
      print(out) {
        out.pairs([
          ["authorization", name],
          ["letter", digest],
          ["kept as", kept],
        ]);
        out.line(`raise the version in ${path}, then`);
        out.line(`  witnessops engagement authorize ${engagement.id} --key <owner key file>`);
      },
    };
  },
});

function readLetter(file: string): Uint8Array {
  try {
    if (statSync(file).size > MAX_BYTES)
      throw usage(`\`${file}\` is larger than 50 MiB`, "a letter is a document");
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw usage(`\`${file}\` cannot be read: ${(cause as Error).message}`, "give the file of the letter");
  }
}
