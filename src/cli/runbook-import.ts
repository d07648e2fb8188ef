import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { keyOfPem } from "../contract/cacao/certificate-key.ts";
import { type ImportedPlaybook, importCacao } from "../contract/cacao/import-cacao.ts";
import { MAX_PLAYBOOK_BYTES, readPlaybook } from "../contract/cacao/read-playbook.ts";
import {
  type CheckedSignature,
  signatureRefusal,
  verifySignatures,
} from "../contract/cacao/verify-signatures.ts";
import type { Change } from "../contract/change.ts";
import { schemaHeader } from "../contract/schemas.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import { choice } from "./choice.ts";
import { CliError, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option } from "./command.ts";
import { diffDrafts } from "./diff-drafts.ts";
import { exit } from "./exit.ts";
import { readJsonObject, readTextInput } from "./read-input.ts";
import { writeNewFile } from "./write-file.ts";

/** What an import remembers in its folder: to know the same playbook again, and to compare a changed one. */
const RECORD = "import.json";

interface DraftFile {
  readonly file: string;
  readonly state: "drafted" | "unchanged" | "left";
}

export const command = defineCommand({
  parameters: {
    from: argument("cacao: a CACAO 2.0 playbook"),
    file: argument("the playbook, as JSON"),
    prefix: option(
      "--prefix <id>",
      "id of the runbook and first part of the contracts' ids (default: from its name)",
    ),
    out: option("--out <folder>", "where the drafts go (default: drafts/<id>)"),
    trustKey: option("--trust-key <pem>", "the public key by which the playbook has to be signed"),
    tolerant: flag("--tolerant", "go on after departures from the standard, and list them"),
  },
  example: "runbook import cacao playbook.json",
  async run(given, _context) {
    choice("<from>", given.from, ["cacao"] as const);
    if (given.prefix !== undefined && !/^(?=.{1,48}$)[a-z][a-z0-9]*([.-][a-z0-9]+)*$/.test(given.prefix))
      throw usage(
        `\`${given.prefix.slice(0, 60)}\` is no id`,
        "an id is like `block-address`: at most 48 lower-case letters, digits, `-` and `.`",
      );
    const source = readPlaybook(readBytes(given.file), given.file);
    const trusted = given.trustKey === undefined ? undefined : readKey(given.trustKey);
    const signatures = await verifySignatures(source.value, trusted);
    const refusal = signatureRefusal(source.value, signatures, trusted);
    if (refusal !== undefined) throw refused(refusal, "get the playbook again from whoever signed it");
    const imported = importCacao(source, {
      subject: given.file,
      prefix: given.prefix,
      tolerant: given.tolerant,
      signatures,
    });
    const id = String(imported.runbook.id);
    const folder = given.out ?? join("drafts", id);
    const { files, changes } = writeDrafts(folder, imported);
    const { losses, deviations } = imported;
    const isDrifted = files.some(({ state }) => state === "left");
    return {
      exit: isDrifted ? exit.refused : exit.done,
      json: { runbook: id, source: imported.runbook.source, signatures, files, changes, losses, deviations },
      print(out) {
        out.line(`${id}: from ${String((imported.runbook.source as JsonObject).digest)}`);
        for (const line of signatureLines(signatures)) out.line(line);
        out.table(
          ["state", "file"],
          files.map(({ state, file }) => [{ text: state, style: state === "left" ? "bad" : "plain" }, file]),
        );
        if (deviations.length > 0)
          out.table(
            ["departs from the standard", "how"],
            deviations.map(({ path, message }) => [path, message]),
          );
        if (losses.length > 0) {
          out.line(`${losses.length} not kept, to be decided by a person`);
          out.table(
            ["where", "not kept", "decide"],
            losses.map(({ path, lost, decide }) => [path, lost, decide]),
          );
        }
        if (isDrifted) {
          out.line("the playbook changed; the drafts were left as they are");
          out.table(
            ["", "where", "change"],
            changes.map((one) => [
              one.breaking ? { text: "breaking", style: "bad" } : "",
              one.path,
              one.change,
            ]),
          );
          out.line("carry over by hand what you agree with, or import into another folder with `--out`");
        } else if (files.some(({ state }) => state === "drafted"))
          out.line(
            "decide every part that says `decide:`, lint it, then move the files into catalog and runbooks",
          );
      },
    };
  },
});

/** Writes drafts that are not there yet. The same playbook changes nothing; a changed one is compared, and nothing is written. */
function writeDrafts(
  folder: string,
  { runbook, contracts }: ImportedPlaybook,
): { files: DraftFile[]; changes: readonly Change[] } {
  const paths: [string, JsonObject, "runbook" | "contract"][] = [
    [join(folder, "runbook.yaml"), runbook, "runbook"],
    ...contracts.map((one): [string, JsonObject, "contract"] => [
      join(folder, "contracts", `${String(one.id).slice(String(runbook.id).length + 1)}.yaml`),
      one,
      "contract",
    ]),
  ];
  const record = join(folder, RECORD);
  if (existsSync(record)) {
    const before = readRecord(record);
    const isSame = canonicalJson(before) === canonicalJson({ runbook, contracts });
    const changes = isSame ? [] : diffDrafts(before, { runbook, contracts });
    return { changes, files: paths.map(([file]) => ({ file, state: isSame ? "unchanged" : "left" })) };
  }
  const taken = paths.find(([file]) => existsSync(file));
  if (taken !== undefined)
    throw refused(`there is already a file at \`${taken[0]}\``, "name another folder with `--out`");
  for (const [file, draft, kind] of paths)
    writeNewFile(
      file,
      `${schemaHeader(kind, kind === "runbook" ? "../../schemas" : "../../../schemas")}\n${stringify(draft, { lineWidth: 0, aliasDuplicateObjects: false })}`,
    );
  // Last: a folder with a record has all of its drafts.
  writeNewFile(record, `${canonicalJson({ runbook, contracts })}\n`);
  return { changes: [], files: paths.map(([file]) => ({ file, state: "drafted" })) };
}

function readRecord(path: string): { runbook: JsonObject; contracts: JsonObject[] } {
  const value = readJsonObject(path);
  if (isJsonObject(value.runbook) && Array.isArray(value.contracts) && value.contracts.every(isJsonObject))
    return { runbook: value.runbook, contracts: value.contracts };
  throw new CliError({
    code: "INPUT_MALFORMED",
    message: `\`${path}\` is not what an import wrote`,
    hint: "import into another folder with `--out`",
  });
}

function readBytes(path: string): Uint8Array {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size <= MAX_PLAYBOOK_BYTES) return readFileSync(file);
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` is larger than 4 MiB`,
      hint: "split the playbook",
    });
  } finally {
    closeSync(file);
  }
}

function readKey(path: string): Uint8Array {
  const key = keyOfPem(readTextInput(path));
  if (key !== undefined) return key;
  throw new CliError({
    code: "INPUT_MALFORMED",
    message: `\`${path}\` is no public key`,
    hint: "give PEM that begins with `-----BEGIN PUBLIC KEY-----` or `-----BEGIN CERTIFICATE-----`",
  });
}

function signatureLines(signatures: readonly CheckedSignature[]): string[] {
  if (signatures.length === 0)
    return ["signature none: nothing says who wrote the playbook, or that it is whole"];
  return signatures.map(
    ({ id, verdict, key, why }) => `signature ${id}: ${verdict}${key === undefined ? "" : ` ${key}`}, ${why}`,
  );
}
