import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import Type, { type Static } from "typebox";
import { checkSchema } from "../contract/check-schema.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { ContractError } from "../contract/contract-error.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import { parseContract } from "../contract/parse-contract.ts";
import * as word from "../contract/vocabulary.ts";
import { readText } from "./document-files.ts";

const summarySchema = Type.Object(
  {
    contract: word.reference,
    title: word.text,
    effect: Type.Enum([...word.effects]),
    approval: word.approvalRule,
    adapter: Type.String(),
    digest: word.digest,
  },
  word.closed,
);

const indexSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/catalog-index/v1"),
    /** By the SHA-256 of a file's text, in hex. */
    contracts: Type.Record(Type.String({ pattern: "^[0-9a-f]{64}$" }), summarySchema, word.closed),
  },
  word.closed,
);
type Index = Static<typeof indexSchema>;

/** What a list shows of a contract, and the file it stands in, relative to the workspace. */
export type ContractSummary = Static<typeof summarySchema> & { readonly file: string };

/**
 * Summaries of the contracts in the files. What was summarized before is kept in `.witnessops/catalog-index.json` by
 * the digest of its text: reading 2,000 contracts as YAML takes seconds. Nothing is ever decided from it: a run, the
 * lock and lint read the contracts themselves.
 *
 * @param paths absolute.
 * @param onFault told of a file that cannot be parsed, which is then left out; default: nobody.
 * @throws ContractError at the first that cannot be parsed, when nobody is told.
 */
export function summarizeContracts(
  root: string,
  paths: readonly string[],
  onFault?: (file: string) => void,
): ContractSummary[] {
  const path = join(root, ".witnessops", "catalog-index.json");
  const known = readIndex(path);
  const contracts: Index["contracts"] = {};
  let isNew = false;
  const summaries = paths.flatMap((one) => {
    const text = readText(one, root);
    const file = relative(root, one);
    const key = createHash("sha256").update(text).digest("hex");
    const kept = Object.hasOwn(known, key) ? known[key] : undefined;
    const summary = kept ?? summarize(text, file, onFault);
    if (summary === undefined) return [];
    isNew ||= kept === undefined;
    contracts[key] = summary;
    return [{ ...summary, file }];
  });
  if (isNew) keepIndex(path, { schema: "witnessops/catalog-index/v1", contracts });
  return summaries;
}

function summarize(
  text: string,
  file: string,
  onFault: ((file: string) => void) | undefined,
): Static<typeof summarySchema> | undefined {
  const contract = parsed(text, file, onFault);
  if (contract === undefined) return undefined;
  return {
    contract: referenceOf(contract),
    title: contract.title,
    effect: contract.effect,
    approval: contract.authority.approval,
    adapter: contract.execution.adapter,
    digest: digestOfDocument(contract),
  };
}

function parsed(
  text: string,
  file: string,
  onFault: ((file: string) => void) | undefined,
): Contract | undefined {
  try {
    return parseContract(text, { file });
  } catch (error) {
    if (!(error instanceof ContractError) || onFault === undefined) throw error;
    onFault(file);
    return undefined;
  }
}

/** What an index that is absent, unreadable or of another version knows is nothing. */
function readIndex(path: string): Index["contracts"] {
  try {
    const index: unknown = JSON.parse(readFileSync(path, "utf8"));
    return checkSchema(indexSchema, index).length === 0 ? (index as Index).contracts : {};
  } catch {
    return {};
  }
}

/** Without it the next list is slower, and that is all. */
function keepIndex(path: string, index: Index): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(index), { mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    // A workspace that cannot be written to is listed all the same.
  }
}
