import { CodedError } from "../format/coded-error.ts";

export type GateErrorCode =
  /** A policy set does not parse or does not fit its schema; `faults` lists everything. */
  | "POLICIES_INVALID"
  /** A policy set is written for another version of Cedar than the one that runs here. */
  | "POLICY_LANGUAGE_UNSUPPORTED"
  /** A contract and a step ask for approvals that no principal can give at once. */
  | "APPROVAL_RULES_INCOMPATIBLE";

/** One fault of a policy set. */
export interface PolicyFault {
  /** The policy's id, or `schema`. */
  readonly policy: string;
  readonly message: string;
}

/** Thrown by `gate/` when definitions cannot be decided with. A refusal is never thrown. */
export class GateError extends CodedError<GateErrorCode> {
  readonly faults: readonly PolicyFault[];

  constructor(args: {
    code: GateErrorCode;
    message: string;
    hint?: string;
    cause?: unknown;
    faults?: readonly PolicyFault[];
  }) {
    super(args);
    this.faults = args.faults ?? [];
  }
}
