import type { CaptureSession } from "../contract/capture.ts";
import type { Contract, ErrorClass } from "../contract/contract.ts";
import type { Side } from "../contract/vocabulary.ts";
import type { JsonObject } from "../format/json.ts";
import type { Adapter } from "./adapter.ts";
import type { Network } from "./network.ts";

export type { CaptureSession } from "../contract/capture.ts";

/** What the wrapper needs for one attempt. */
export interface AttemptRequest {
  readonly adapter: Adapter;
  readonly contract: Contract;
  /** Validated inputs with defaults applied. */
  readonly inputs: JsonObject;
  readonly idempotencyKey: string;
  /** Effective deadline in milliseconds; a step may have shortened it. */
  readonly timeoutMs: number;
  readonly network: Network;
  readonly capture: CaptureSession;
  /** Values by secret name, resolved just before. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly root: string;
  /** Outside cancellation. */
  readonly signal: AbortSignal;
}

/** How one attempt ended, as a value. */
export interface AttemptOutcome {
  readonly exit: "executed" | "failed";
  readonly outputs?: JsonObject;
  readonly errorClass?: string;
  readonly side?: Side;
  readonly retryable: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly message?: string;
  readonly resolvedAddress?: string;
}

/** Classes that contracts need not declare (design section 3), and whose side they are. */
export const reservedErrors: Readonly<Record<string, { side: Side; retryable: boolean; meaning: string }>> = {
  AUTH_REJECTED: { side: "external", retryable: false, meaning: "the external system refused the identity" },
  RATE_LIMITED: { side: "external", retryable: true, meaning: "the external system asked for fewer calls" },
  UNAVAILABLE: {
    side: "external",
    retryable: true,
    meaning: "the external system could not be reached or said it is down",
  },
  TIMEOUT: { side: "external", retryable: true, meaning: "no complete answer within the deadline" },
  EGRESS_REFUSED: { side: "witnessops", retryable: false, meaning: "the egress guard refused the address" },
  OUTPUT_CONTRACT_VIOLATION: {
    side: "external",
    retryable: false,
    meaning: "the answer does not fit the declared outputs",
  },
  UNDECLARED_ERROR: {
    side: "external",
    retryable: false,
    meaning: "an error that the contract does not declare",
  },
  SIZE_EXCEEDED: {
    side: "external",
    retryable: false,
    meaning: "the answer is larger than the contract allows",
  },
  EVIDENCE_INCOMPLETE: {
    side: "external",
    retryable: false,
    meaning: "a required artifact was not captured",
  },
};

export type DeclaredError = ErrorClass;
