import type { JsonObject } from "../format/json.ts";

/** Where an adapter puts what came back. Bytes are hashed, bounded and masked on the way. */
export interface Capture {
  /**
   * Opens an artifact that the contract declares by `name`.
   * @throws CaptureRefused when the contract does not declare it, or it was opened before.
   */
  open(name: string, options: ArtifactOrigin): ArtifactWriter;
  /** Whether the contract declares the artifact; adapters skip what it does not ask for. */
  wants(name: string): boolean;
}

/** What an adapter says about the bytes it is going to write. */
export interface ArtifactOrigin {
  /** Where the bytes come from, in the adapter's words, e.g. `http response body`. */
  readonly source: string;
  /** Default: the contract's. */
  readonly mediaType?: string;
  /** Name of an artifact of the same attempt, or a whole artifact id. */
  readonly derivedFrom?: string;
  /**
   * Content codings of the bytes as in the header of that name (RFC 9110 section 8.4): secrets are looked
   * for after decoding too.
   */
  readonly contentEncoding?: string;
}

/** One artifact being written. */
export interface ArtifactWriter {
  /** Takes bytes; resolves when more may come. @throws CaptureRefused `SIZE_EXCEEDED` at the bound. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the artifact normally. */
  end(): Promise<void>;
}

/** The capture of one attempt: what the adapter sees, plus what the wrapper does with it. */
export interface CaptureSession extends Capture {
  /** Writes the `result` artifact and returns the value as masked and stored. */
  putResult(value: JsonObject): Promise<JsonObject>;
  /** Names of artifacts that were opened and ended. */
  readonly finished: readonly string[];
}

/**
 * Codes of `CaptureRefused`. `SIZE_EXCEEDED`: the contract's bound is reached, stop reading.
 * `ARTIFACT_UNDECLARED`, `ARTIFACT_TWICE`: a defect of the adapter. `CAPTURE_CLOSED`: the attempt has ended.
 */
export type CaptureRefusedCode =
  | "SIZE_EXCEEDED"
  | "ARTIFACT_UNDECLARED"
  | "ARTIFACT_TWICE"
  | "CAPTURE_CLOSED";

/** Thrown by capture when the contract's evidence rules forbid going on. */
export class CaptureRefused extends Error {
  readonly code: CaptureRefusedCode;
  constructor(code: CaptureRefusedCode, message: string) {
    super(message);
    this.name = "CaptureRefused";
    this.code = code;
  }
}
