import { CodedError } from "../format/coded-error.ts";
import { type Fault, faultText } from "./fault.ts";

/**
 * Codes of `ContractError`: `DOCUMENT_TOO_LARGE` over the byte bound, `DOCUMENT_MALFORMED` not readable as
 * YAML or JSON, `DOCUMENT_INVALID` readable but not what its kind says.
 */
export type ContractErrorCode = "DOCUMENT_TOO_LARGE" | "DOCUMENT_MALFORMED" | "DOCUMENT_INVALID";

/** A document (contract, runbook, engagement, …) that cannot be used, with every fault found in it. */
export class ContractError extends CodedError<ContractErrorCode> {
  /** All faults, in the order of the document's lines where known. */
  readonly faults: readonly Fault[];
  /** What was read: a file name, or the kind of document. */
  readonly subject: string;

  constructor(args: {
    code: ContractErrorCode;
    /** What was read, e.g. `contract tls.inspect` or a file name. */
    subject: string;
    faults: readonly Fault[];
    hint?: string;
    cause?: unknown;
  }) {
    super({ ...args, message: messageOf(args.subject, args.faults) });
    this.subject = args.subject;
    this.subject = args.subject;
    this.faults = Object.freeze([...args.faults]);
  }
}

function messageOf(subject: string, faults: readonly Fault[]): string {
  const [only] = faults;
  if (faults.length === 1 && only !== undefined) return `${subject}: ${faultText(only)}`;
  return `${subject} has ${faults.length} faults\n${faults.map((fault) => `  ${faultText(fault)}`).join("\n")}`;
}
