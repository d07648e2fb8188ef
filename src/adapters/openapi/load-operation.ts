import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Fault } from "../../adapter/adapter.ts";
import { checkSchema } from "../../contract/check-schema.ts";
import { type Operation, operationSchema } from "../../contract/openapi/operation.ts";
import { MAX_OPERATION_BYTES } from "../../contract/openapi/slice-operation.ts";
import { parseCanonicalJson } from "../../format/canonical-json.ts";
import { digestOf } from "../../format/digest.ts";
import { type OperationCheck, operationCheck } from "./check-value.ts";

/** An operation ready for use. */
export interface LoadedOperation {
  readonly operation: Operation;
  /** As it lies in the workspace, for the evidence. */
  readonly bytes: Uint8Array;
  readonly check: OperationCheck;
}

/** How many operations are kept ready, so that the next call of one reads and translates nothing. */
const MAX_KEPT = 64;
const kept = new Map<string, LoadedOperation>();

/**
 * Reads the pinned operation of a contract. What lies there is believed only when its digest is the contract's.
 *
 * @param root the workspace.
 */
export async function loadOperation(root: string, digest: string): Promise<LoadedOperation | Fault> {
  const key = `${root} ${digest}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const name = `operations/${digest.slice("sha256:".length)}.json`;
  const path = join(root, name);
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > MAX_OPERATION_BYTES)
      return refuse("DEFINITION_CHANGED", `\`${name}\` is larger than an operation may be`);
    bytes = await readFile(path);
  } catch {
    return refuse(
      "DEFINITION_MISSING",
      `there is no \`${name}\` in the workspace; import the operation again`,
    );
  }
  if (digestOf(bytes) !== digest)
    return refuse("DEFINITION_CHANGED", `\`${name}\` is not what its name says: not called`);
  const operation = operationOf(bytes);
  if (operation === undefined) return refuse("DEFINITION_CHANGED", `\`${name}\` is no operation`);
  const loaded = { operation, bytes, check: operationCheck(operation) };
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, loaded);
  return loaded;
}

function operationOf(bytes: Uint8Array): Operation | undefined {
  try {
    const value = parseCanonicalJson(bytes);
    return checkSchema(operationSchema, value).length === 0 ? (value as unknown as Operation) : undefined;
  } catch {
    return undefined;
  }
}

function refuse(code: string, message: string): Fault {
  return { code, phase: "prepare", message };
}
