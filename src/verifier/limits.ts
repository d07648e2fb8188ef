/** Bounds on what a verifier reads. Beyond them a bundle is malformed, never partly read. */
export interface Limits {
  /** Files in a bundle. */
  readonly maxFiles: number;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Bytes of one file that is read whole: documents, envelopes, gate records, results. */
  readonly maxDocumentBytes: number;
  /** Bytes of the manifest, which has a line for every file. */
  readonly maxManifestBytes: number;
  /** Bytes of one line of `receipts.ndjson`. */
  readonly maxLineBytes: number;
  /** Receipts in a bundle. */
  readonly maxReceipts: number;
  /** Steps of CEL expressions, compiled and evaluated, of one verification; each receipt adds 2,000 to them. */
  readonly maxCelSteps: number;
}

export const defaultLimits: Limits = {
  maxFiles: 200_000,
  maxBytes: 256 * 1024 ** 3,
  maxDocumentBytes: 16 * 1024 ** 2,
  maxManifestBytes: 64 * 1024 ** 2,
  maxLineBytes: 4 * 1024 ** 2,
  maxReceipts: 1_000_000,
  maxCelSteps: 100_000_000,
};
