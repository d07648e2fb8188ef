import type { Given } from "../contract/awaited-result.ts";
import type { CaptureSession } from "../contract/capture.ts";
import type { Contract } from "../contract/contract.ts";
import type { Side } from "../contract/vocabulary.ts";
import type { JsonObject } from "../format/json.ts";
import type { Adapter } from "./adapter.ts";
import type { NetworkSession } from "./network.ts";

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
  /** The wrapper closes it. */
  readonly network: NetworkSession;
  readonly capture: CaptureSession;
  /** Values by secret name, resolved just before. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What the call waited for and was given. */
  readonly given?: Given | undefined;
  /** The gates decided that the kernel holds the tool. Default false. */
  readonly isolated?: boolean;
  /** The workspace's folder. */
  readonly root: string;
  /** Outside cancellation. */
  readonly signal: AbortSignal;
}

/** How one attempt ended, as a value. */
export interface AttemptOutcome {
  /** `in-doubt`: an `unsafe` call may have left and was not answered. */
  readonly exit: "executed" | "failed" | "in-doubt";
  /** The contract's outputs; present when executed. */
  readonly outputs?: JsonObject;
  readonly errorClass?: string;
  readonly side?: Side;
  /** Whether the contract permits another attempt after this end; `retryDelay` says when. */
  readonly retryable: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
  /** What went wrong in words; secrets are masked. */
  readonly message?: string;
  /** The first address that was dialled, without port. */
  readonly resolvedAddress?: string;
}
