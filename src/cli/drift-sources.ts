import { readFileSync, statSync } from "node:fs";
import { definitionDigest, toolDefinition } from "../adapters/mcp/tool-definition.ts";
import type { Change } from "../contract/change.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { type Description, describeOperations } from "../contract/openapi/describe-operations.ts";
import { isDescription, pinnedOperation } from "../contract/openapi/draft-openapi-contract.ts";
import { OpenapiError } from "../contract/openapi/openapi-error.ts";
import { type Operation, operationName } from "../contract/openapi/operation.ts";
import { driftOfOperation } from "../contract/openapi/operation-drift.ts";
import { MAX_DESCRIPTION_BYTES, readDescription } from "../contract/openapi/read-description.ts";
import { sliceOperation } from "../contract/openapi/slice-operation.ts";
import { driftOfTool, pinnedTool } from "../contract/tool-drift.ts";
import type { Digest } from "../format/digest.ts";
import { CliError, refused, usage } from "./cli-error.ts";
import { readOperation } from "./operation-files.ts";
import { readTools } from "./read-tools.ts";

/** How what a contract pins differs from what its system says now. */
export interface Drift {
  readonly kind: "gone" | "breaking" | "narrowed" | "widened" | "reworded";
  readonly changes: readonly Change[];
}

/** A contract compared; without `drift` it is as reviewed. */
export interface Compared {
  readonly contract: Contract;
  /** The tool or operation that it pins. */
  readonly pins: string;
  readonly drift: Drift | undefined;
}

/**
 * Compares contracts with what their system says about itself now: an MCP server's answer to `tools/list`, or an OpenAPI
 * description. Contracts of other systems are left out.
 *
 * @param root the workspace.
 * @param of which contracts are of that system; a description names its own when nothing is said.
 * @throws CliError `USAGE`, `INPUT_MALFORMED` or `REFUSED`, OpenapiError.
 */
export function compareWith(
  file: string,
  contracts: readonly Contract[],
  root: string,
  { only, prefix }: { readonly only: readonly string[]; readonly prefix: string | undefined },
): Compared[] {
  const isAsked = only.length > 0 || prefix !== undefined;
  const asked = contracts.filter(
    (contract) =>
      !isAsked ||
      only.includes(referenceOf(contract)) ||
      (prefix !== undefined && contract.id.startsWith(`${prefix}.`)),
  );
  const value = readSource(file);
  if (value !== undefined) return compareOperations(describeOperations(value), asked, root, isAsked);
  // The list does not name its server: contracts of another one would all count as gone.
  if (!isAsked)
    throw usage("which contracts are of this server is not said", "give `--prefix`, or `--contract`");
  return compareTools(file, asked);
}

/** The file's value when it is a description, else undefined: then it is an MCP server's answer. */
function readSource(file: string) {
  if (statSync(file).size > MAX_DESCRIPTION_BYTES)
    throw new CliError({ code: "INPUT_MALFORMED", message: `\`${file}\` is larger than 32 MiB` });
  const value = readDescription(readFileSync(file, "utf8"));
  return isDescription(value) || !Object.hasOwn(value, "tools") ? value : undefined;
}

function compareTools(file: string, contracts: readonly Contract[]): Compared[] {
  const tools = readTools(file);
  return contracts.flatMap((contract) => {
    const pinned = pinnedTool(contract);
    if (pinned === undefined) return [];
    const tool = tools.find(({ name }) => name === pinned.tool);
    const isSame =
      tool !== undefined && definitionDigest(toolDefinition(tool as never)) === pinned.definition;
    return [{ contract, pins: pinned.tool, drift: isSame ? undefined : driftOfTool(contract, tool) }];
  });
}

function compareOperations(
  description: Description,
  contracts: readonly Contract[],
  root: string,
  isAsked: boolean,
): Compared[] {
  const pinned = contracts.flatMap((contract) => {
    const digest = pinnedOperation(contract) as Digest | undefined;
    if (digest === undefined) return [];
    const operation = readOperation(root, digest);
    if (operation === undefined)
      throw refused(
        `the operation that \`${referenceOf(contract)}\` pins is not in \`operations/\``,
        "import it again",
      );
    return [{ contract, digest, operation }];
  });
  // By title: a catalog has contracts of several systems, and one description speaks for one.
  const meant = isAsked ? pinned : pinned.filter(({ operation }) => operation.api === description.title);
  if (meant.length === 0)
    throw refused(
      `no contract pins an operation of \`${description.title}\``,
      "if the system was renamed, name its contracts with `--contract`",
    );
  return meant.map(({ contract, digest, operation }) => {
    const now = sliceNow(description, operation);
    const drift = now?.digest === digest ? undefined : driftNow(operation, now);
    return { contract, pins: operationName(operation), drift };
  });
}

/** The operation as it is now: at its place, or by its `operationId` where it moved. */
function sliceNow(description: Description, { method, path, operationId }: Operation) {
  const listed =
    description.operations.find((one) => one.method === method && one.path === path) ??
    description.operations.find((one) => operationId !== undefined && one.operationId === operationId);
  if (listed === undefined) return undefined;
  try {
    return sliceOperation(description, listed);
  } catch (error) {
    if (error instanceof OpenapiError && error.code === "OPERATION_UNSUPPORTED")
      return { why: error.message, digest: "" };
    throw error;
  }
}

function driftNow(old: Operation, now: ReturnType<typeof sliceNow>): Drift {
  if (now !== undefined && "why" in now)
    return { kind: "breaking", changes: [{ path: "", change: now.why, breaking: true }] };
  return driftOfOperation(old, now?.operation);
}
