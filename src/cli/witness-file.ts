import { join, resolve } from "node:path";
import Type, { type Static } from "typebox";
import { type Reporter, ruleUnique } from "../contract/document-rules.ts";
import { type DocumentKind, type Inspection, readDocument } from "../contract/inspect-document.ts";
import * as word from "../contract/vocabulary.ts";
import { CodedError } from "../format/coded-error.ts";
import { noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import { readText } from "../store/document-files.ts";

/** `witness.yaml`: who a witness is, and whose checkpoints it cosigns. */
const witnessSchema = Type.Object(
  {
    apiVersion: word.apiVersion,
    kind: Type.Literal("Witness"),
    /** Name of the witness's key, like a URL without its scheme. */
    name: Type.String({ minLength: 1, maxLength: 200, pattern: "^[^\\s+]+$" }),
    /** Note keys of the logs that it knows. */
    logs: Type.Array(Type.Object({ key: Type.String({ minLength: 50, maxLength: 300 }) }, word.closed), {
      maxItems: 1000,
    }),
    /** New checkpoints of one log within a minute; default 120. */
    perMinute: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  },
  { ...word.closed, title: "WitnessOps witness" },
);
export type WitnessFile = Static<typeof witnessSchema>;

const witnessKind: DocumentKind<WitnessFile> = { name: "witness", schema: witnessSchema, rules };

/** Reads a witness's `witness.yaml`. @throws ContractError with every fault. */
export function readWitnessFile(folder: string): WitnessFile {
  const path = resolve(witnessPaths(folder).file);
  return parseWitness(readText(path, folder), path);
}

/** A witness's file from its text. @throws ContractError with every fault. */
export function parseWitness(text: string, file: string): WitnessFile {
  return readDocument(witnessKind, text, { file });
}

/** Where a witness keeps what it is. */
export function witnessPaths(folder: string): { file: string; key: string; record: string } {
  return {
    file: join(folder, "witness.yaml"),
    key: join(folder, "witness.pem"),
    record: join(folder, "cosigned.sqlite"),
  };
}

function rules(witness: Inspection<WitnessFile>): void {
  const logs = witness.items("logs");
  for (const [index, { key }] of logs) ruleLogKey(witness, index, key);
  ruleUnique(
    witness,
    logs.map(([index, { key }]) => [["logs", index, "key"], key]),
    "log",
  );
}

function ruleLogKey(to: Reporter, index: number, text: string): void {
  const at = ["logs", index, "key"];
  try {
    const { type, name } = parseNoteKey(text);
    if (type !== noteKeyTypes.ed25519)
      to.report(at, "value", `\`${name}\` is no log's key: it is of type ${type}`);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    to.report(at, "value", error.message);
  }
}
