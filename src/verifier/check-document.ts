import type { TSchema } from "typebox";
import { checkSchema } from "../contract/check-schema.ts";
import { type Fault as AuthoredFault, faultText, pathText } from "../contract/fault.ts";
import { parseCanonicalJson } from "../format/canonical-json.ts";
import { FormatError } from "../format/coded-error.ts";
import { deepFreeze, type Json } from "../format/json.ts";
import type { FailureCode } from "./failure-code.ts";
import type { Failure } from "./layer.ts";

const VERSION_MEMBERS: ReadonlySet<string> = new Set([
  "schema",
  "apiVersion",
  "_type",
  "predicateType",
  "mediaType",
  "purpose",
]);

/** A failure without the place, which the caller knows. */
export interface Fault {
  readonly code: FailureCode;
  readonly message: string;
}

/** Everything wrong with `value` by `schema`: missing members, unknown versions, other shapes. */
export function documentFaults(schema: TSchema, value: unknown): Fault[] {
  return checkSchema(schema, value).map((fault) => {
    const member = fault.path.at(-1);
    const versioned = fault.path.length === 1 && typeof member === "string" && VERSION_MEMBERS.has(member);
    const where = fault.path.length === 0 ? "the document" : `\`${pathText(fault.path).slice(0, 200)}\``;
    return { code: codeOf(fault.code, versioned), message: `${where} ${fault.message}` };
  });
}

/** A fault of an authored document, as a contract parser reports it. */
export function authoredFault(fault: AuthoredFault): Fault {
  return {
    code: codeOf(fault.code, VERSION_MEMBERS.has(fault.path)),
    message: faultText(fault).slice(0, 500),
  };
}

function codeOf(code: string, versioned: boolean): FailureCode {
  if (code === "required") return "FAILURE_REQUIRED_FIELD_MISSING";
  return versioned ? "FAILURE_SCHEMA_VERSION_UNSUPPORTED" : "FAILURE_BUNDLE_MALFORMED";
}

/** Parses canonical JSON; a fault instead of an exception. */
export function parseDocument(bytes: Uint8Array): { value: Json } | { fault: Fault } {
  try {
    return { value: deepFreeze(parseCanonicalJson(bytes)) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { fault: { code: "FAILURE_BUNDLE_MALFORMED", message: error.message } };
  }
}

/** `faults` with the place they were found at. */
export function placed(
  faults: readonly Fault[],
  at: { path?: string; receipt?: Failure["receipt"] },
): Failure[] {
  return faults.map((fault) => ({
    ...fault,
    ...(at.path === undefined ? {} : { path: at.path }),
    ...(at.receipt === undefined ? {} : { receipt: at.receipt }),
  }));
}
