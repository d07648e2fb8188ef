import type { TSchema } from "typebox";
import type { Given } from "../contract/awaited-result.ts";
import type { Capture } from "../contract/capture.ts";
import type { Held, IsolationOffer } from "../contract/gate-record.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { Network } from "./network.ts";

export { type ArtifactWriter, type Capture, CaptureRefused } from "../contract/capture.ts";

/** How an adapter's connections are held, as receipts say it. */
export type EgressMode = "guarded" | "unguarded" | "none";
export type IsolationMode = "in-process" | "none";
export type { Held, IsolationOffer };

/** Speaks one protocol. It gets every power from the call; it opens nothing by itself. */
export interface Adapter {
  readonly id: string;
  readonly version: string;
  readonly egress: EgressMode;
  readonly isolation: IsolationMode;
  /** Schema of `execution.with` after CEL: what this adapter takes. */
  readonly parameters: TSchema;
  /** Makes one attempt. Faults are values; anything thrown is a defect and counts as `UNDECLARED_ERROR`. */
  run(call: Call): Promise<AdapterOutcome>;
}

/** An adapter whose tool the kernel can hold; asked before each decision about a contract that wants it. */
export interface Isolates {
  /** What this host can do now. Never throws; what cannot be set up is refused. @param root the workspace's folder. */
  offerIsolation(root: string): Promise<IsolationOffer>;
}

export type AdapterOutcome =
  | { readonly ok: true; readonly result: JsonObject }
  | { readonly ok: false; readonly fault: Fault };

/** What went wrong, in a shape that contracts' `errors[].when` read as `error`. */
export interface Fault {
  /** E.g. `ETIMEDOUT`, `ECONNREFUSED`, `HTTP_STATUS`, `EGRESS_REFUSED`, `TIMEOUT`, `SIZE_EXCEEDED`, `NOT_FOUND`. */
  readonly code: string;
  /** E.g. `resolve`, `connect`, `tls`, `request`, `response`, `spawn`, `exit`, `read`. */
  readonly phase: string;
  readonly message: string;
  /** Further facts: `status`, `signal`, `exitCode`, `retryAfterMs`. */
  readonly facts?: { readonly [name: string]: Json };
}

/** One attempt's powers. */
export interface Call {
  /** `execution.with` after CEL, checked against `parameters`. */
  readonly with: JsonObject;
  /** Aborted at the deadline or on cancellation. */
  readonly signal: AbortSignal;
  /** Sent where the contract says for `idempotent` contracts. */
  readonly idempotencyKey: string;
  readonly network: Network;
  readonly capture: Capture;
  /** Resolved secrets with the place each goes to. */
  readonly secrets: readonly SecretValue[];
  /** What the call waited for and was given: of `manual` and `wait` only. */
  readonly given?: Given;
  /** The kernel must hold the tool, or it does not run. Of `exec` only. */
  readonly isolated?: boolean;
  /** Folder that relative file paths are resolved against: the workspace. */
  readonly root: string;
}

/** A secret's value, alive only during the call. */
export interface SecretValue {
  readonly name: string;
  readonly value: string;
  readonly into: {
    readonly kind: "header" | "query" | "cookie" | "env" | "path" | "password" | "key";
    readonly name: string;
    readonly scheme?: "raw" | "bearer" | "basic";
  };
}
