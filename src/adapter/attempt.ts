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

export type DeclaredError = ErrorClass;
