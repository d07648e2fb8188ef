import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import type { Change } from "../contract/change.ts";
import {
  type Description,
  type ListedOperation,
  selectOperations,
} from "../contract/openapi/describe-operations.ts";
import {
  contractName,
  draftOpenapiContract,
  pinnedOperation,
} from "../contract/openapi/draft-openapi-contract.ts";
import { OpenapiError } from "../contract/openapi/openapi-error.ts";
import { operationName } from "../contract/openapi/operation.ts";
import { driftOfOperation } from "../contract/openapi/operation-drift.ts";
import { type SlicedOperation, sliceOperation } from "../contract/openapi/slice-operation.ts";
import { schemaHeader } from "../contract/schemas.ts";
import type { Digest } from "../format/digest.ts";
import { usage } from "./cli-error.ts";
import type { Result } from "./command.ts";
import { exit } from "./exit.ts";
import { loadDescription } from "./load-description.ts";
import { readOperation, writeOperation } from "./operation-files.ts";

/** What became of one operation. */
interface Imported {
  readonly operation: string;
  /**
   * `drifted`: the file that is there pins another operation, and was left as it is. `skipped`: it needs what cannot be
   * done; `why` says what.
   */
  readonly state: "drafted" | "unchanged" | "drifted" | "skipped";
  readonly file?: string;
  readonly digest?: string;
  readonly why?: string;
  readonly changes?: readonly Change[];
}

/** What an import is asked for. */
export interface OpenapiImport {
  readonly from: string;
  /** The workspace, where pinned operations are kept. */
  readonly root: string;
  readonly system: string;
  /** Each by its `operationId` or as `METHOD path`; all of them when empty. */
  readonly operations: readonly string[];
  readonly server: string | undefined;
  readonly folder: string;
  readonly allowFetch: boolean;
}

/** Drafts contracts of an API's operations. The same description again changes nothing. @throws OpenapiError. */
export async function importOpenapi(asked: OpenapiImport): Promise<Result> {
  if (!/^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/.test(asked.system) || asked.system.length > 35)
    throw usage(
      `\`${asked.system}\` cannot begin an id`,
      "small letters and digits, joined by `.` or `-`, at most 35",
    );
  const { description, digest } = await loadDescription(asked.from, asked.allowFetch);
  const taken = new Set<string>();
  const imported = selectOperations(description, asked.operations).map((listed) =>
    importOne(asked, description, digest, listed, taken),
  );
  const has = (state: Imported["state"]) => imported.some((one) => one.state === state);
  // Somebody who named an operation wants to know that it was not drafted.
  const isRefused = has("drifted") || (has("skipped") && (asked.operations.length > 0 || !has("drafted")));
  return {
    exit: isRefused ? exit.refused : exit.done,
    json: { description: digest, imported },
    print(out) {
      out.table(
        ["operation", "state", "file"],
        imported.map(({ operation, state, file, why }) => [
          operation,
          { text: state, style: state === "drifted" || state === "skipped" ? "bad" : "plain" },
          file ?? why ?? "",
        ]),
      );
      for (const { operation, changes = [] } of imported)
        for (const { path, change } of changes) out.line(`  ${operation}: ${path}: ${change}`);
      if (has("drafted"))
        out.line("decide every part that says `decide:`, lint it, then move the file into the catalog");
      if (has("drifted"))
        out.line("what drifted was left as it is: a changed operation is reviewed, and gets a new version");
    },
  };
}

function importOne(
  asked: OpenapiImport,
  description: Description,
  digest: Digest,
  listed: ListedOperation,
  taken: Set<string>,
): Imported {
  const operation = operationName(listed);
  let sliced: SlicedOperation;
  try {
    sliced = sliceOperation(description, listed);
  } catch (error) {
    if (error instanceof OpenapiError && error.code === "OPERATION_UNSUPPORTED")
      return { operation, state: "skipped", why: error.message };
    throw error;
  }
  const name = freeName(contractName(sliced.operation), taken);
  const file = join(asked.folder, `${name}.yaml`);
  const base = { operation, file, digest: sliced.digest };
  if (existsSync(file)) {
    const pinned = pinnedOperation(parseDocument(readFileSync(file, "utf8")).toJS() as never) as
      | Digest
      | undefined;
    if (pinned === sliced.digest) {
      writeOperation(asked.root, sliced.digest, sliced.bytes);
      return { ...base, state: "unchanged" };
    }
    const old = pinned === undefined ? undefined : readOperation(asked.root, pinned);
    return {
      ...base,
      state: "drifted",
      changes: old === undefined ? [] : driftOfOperation(old, sliced.operation).changes,
    };
  }
  const facts = {
    system: asked.system,
    name,
    operation: sliced.digest,
    description: digest,
    server: asked.server,
  };
  const draft = draftOpenapiContract(sliced.operation, facts);
  writeOperation(asked.root, sliced.digest, sliced.bytes);
  mkdirSync(asked.folder, { recursive: true });
  const text = stringify(draft, { lineWidth: 0, aliasDuplicateObjects: false });
  // Not synced one by one, as a draft can be made again: a thousand of them would wait for the disk for seconds.
  writeFileSync(file, `${schemaHeader("contract", "../../schemas")}\n${text}`, { flag: "wx" });
  return { ...base, state: "drafted" };
}

/** Two operations may make the same name; the later one is numbered. */
function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 2; taken.has(name); i++) name = `${wanted}-${i}`;
  taken.add(name);
  return name;
}
