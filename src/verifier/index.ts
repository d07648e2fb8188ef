/** The verifier's one public entry: everything else in this folder is its own. */

export type { Trust } from "../contract/trust.ts";
export { type ByteSource, bytesInMemory } from "../format/byte-source.ts";
export { type BundleFile, type BundleSource, memoryBundle, tarBundle } from "./bundle-source.ts";
export { type FailureCode, failureCodes } from "./failure-code.ts";
export {
  type Anchored,
  type Failure,
  type Internal,
  type LayerName,
  type LayerResult,
  layerNames,
} from "./layer.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export type { Opener } from "./opener.ts";
export { parseTrust, refuseTrustFromBundle } from "./parse-trust.ts";
export { receiptView } from "./receipt-view.ts";
export { type RenderOptions, renderReport } from "./render-report.ts";
export type {
  BoundaryTable,
  ConclusionReport,
  DeniedReport,
  EvidenceReport,
  ProofClass,
  Report,
  RunReport,
  Signal,
  StepReport,
  TimeReport,
  Verdict,
} from "./report.ts";
export { reportPage } from "./report-page.ts";
export { type ReportContext, reportView } from "./report-view.ts";
export { VerifierError, type VerifierErrorCode } from "./verifier-error.ts";
export { type VerifyOptions, verifyBundle } from "./verify-bundle.ts";
export { type ReceiptReport, verifyReceipt } from "./verify-receipt.ts";
export type { Attributes, Tag, View, ViewElement } from "./view.ts";
export type { ViewLimits } from "./view-parts.ts";
