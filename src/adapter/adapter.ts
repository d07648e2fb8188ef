import type { TSchema } from "typebox";
import type { Json, JsonObject } from "../format/json.ts";
import type { Network } from "./network.ts";

/** How an adapter's connections are held, as receipts say it. */
export type EgressMode = "guarded" | "unguarded" | "none";
export type IsolationMode = "in-process" | "none";

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
  /** Folder that relative file paths are resolved against: the workspace. */
  readonly root: string;
}

/** A secret's value, alive only during the call. */
export interface SecretValue {
  readonly name: string;
  readonly value: string;
  readonly into: { readonly kind: "header" | "query" | "env"; readonly name: string; readonly scheme?: "raw" | "bearer" | "basic" };
}

/** Where an adapter puts what came back. Bytes are hashed, bounded and masked on the way. */
export interface Capture {
  /**
   * Opens an artifact that the contract declares by `name`.
   * @throws CaptureRefused when the contract does not declare it, or it was opened before.
   */
  open(name: string, options: { source: string; mediaType?: string; derivedFrom?: string }): ArtifactWriter;
  /** Whether the contract declares the artifact; adapters skip what it does not ask for. */
  wants(name: string): boolean;
}

/** One artifact being written. */
export interface ArtifactWriter {
  /** Takes bytes; resolves when more may come. @throws CaptureRefused `SIZE_EXCEEDED` at the bound. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the artifact normally. */
  end(): Promise<void>;
}

/** Thrown by capture when the contract's evidence rules forbid going on. */
export class CaptureRefused extends Error {
  readonly code: "SIZE_EXCEEDED" | "ARTIFACT_UNDECLARED" | "ARTIFACT_TWICE";
  constructor(code: "SIZE_EXCEEDED" | "ARTIFACT_UNDECLARED" | "ARTIFACT_TWICE", message: string) {
    super(message);
    this.name = "CaptureRefused";
    this.code = code;
  }
}
