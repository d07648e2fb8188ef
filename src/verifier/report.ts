import type { Json, JsonObject } from "../format/json.ts";
import type { LayerResult } from "./layer.ts";

export type Verdict = "valid" | "invalid" | "indeterminate";
export type ProofClass = "strong-proof" | "operational-input";

/** The five requirements of strong proof (design section 8). */
export const signals = [
  "contract-identity",
  "invocation-outcome",
  "artifact-integrity",
  "receipt-linkage",
  "verification-scope",
] as const;
export type Signal = (typeof signals)[number];

/** What a verification found: plain JSON, the same bytes for the same bundle, trust and options. */
export interface Report {
  readonly schema: "witnessops/verification/v1";
  readonly verdict: Verdict;
  /** Why the verdict is not `valid`; empty when it is. */
  readonly reasons: readonly string[];
  /** True when a run in the bundle is still open. */
  readonly partial: boolean;
  readonly runs: readonly RunReport[];
  readonly layers: readonly LayerResult[];
  readonly steps: readonly StepReport[];
  readonly denied: readonly DeniedReport[];
  /** One for each contract that was called. */
  readonly boundary: readonly BoundaryTable[];
  /** Conclusions: what people infer from what was observed. */
  readonly inferred: readonly ConclusionReport[];
  readonly assumptions: readonly { readonly id: string; readonly text: string }[];
  /** What only the host says: times, resolved addresses, live status. */
  readonly hostAsserted: readonly string[];
  /** What was done to artifacts afterwards, and what is sealed. */
  readonly evidence: EvidenceReport;
  /** Steps whose outcome nobody knows. */
  readonly doubt: readonly string[];
  /** Files that the manifest does not list; they were not used. */
  readonly ignoredFiles: readonly string[];
}

/** When something was: what the host claims, and what the reviewer's authorities and witnesses leave of it. */
export interface TimeReport {
  /** The host's word, UTC. */
  readonly claimed: string;
  readonly bound: "bounded" | "host-asserted";
  /** Not before this, by a witnessed checkpoint that it, or one before it, carries; UTC. */
  readonly notBefore?: string;
  /** Not after this, by a token or cosignature over it, or over one after it; UTC. */
  readonly notAfter?: string;
}

/** What became of the evidence of the claimed runs (`spec/sealing.md`, `spec/lifecycle.md`). */
export interface EvidenceReport {
  readonly sealed: readonly SealedReport[];
  /** By a person's signature, as far as the layer `authorization` does not say otherwise. */
  readonly retired: readonly RetiredReport[];
  /** Imported, and classified by nobody. */
  readonly quarantined: readonly string[];
  /** Bytes that are to be nowhere by what the receipts say, and are in this bundle. */
  readonly carried: readonly {
    readonly artifact: string;
    readonly digest: string;
    readonly although: "retired" | "quarantined";
  }[];
  readonly held: readonly { readonly artifact: string; readonly holds: number }[];
  readonly released: readonly {
    readonly artifact: string;
    readonly recipient: string;
    readonly commitment: string;
    readonly by: string;
    readonly at: string;
    readonly reason?: string;
  }[];
  readonly redacted: readonly {
    readonly artifact: string;
    readonly derivedFrom: string;
    readonly by: string;
  }[];
}

export interface SealedReport {
  readonly artifact: string;
  readonly digest: string;
  readonly commitment: string;
  readonly recipients: readonly string[];
  /** Whether it was opened, and holds what its commitment says. */
  readonly opened: boolean;
}

export interface RetiredReport {
  readonly artifact: string;
  readonly digest: string;
  readonly by: string;
  /** The host's claim, UTC RFC 3339. */
  readonly at: string;
  readonly reason: string;
  readonly receipt: string;
}

export interface RunReport {
  readonly id: string;
  readonly runbook: string;
  readonly engagement: string;
  readonly requester: string;
  readonly objective: string;
  readonly openedAt: string;
  /** `completed`, `stopped`, `cancelled`, `handed-over`; `open` while it is. */
  readonly outcome: string;
  /** Whether what the run pinned counts as authority by the reviewer's trust. */
  readonly authorized: boolean;
  /** From its opening to its closing, or to its newest receipt; `claimed` is the opening. */
  readonly time: TimeReport;
}

export interface StepReport {
  readonly id: string;
  readonly key?: string;
  /** This is the n-th read-back of the step's doubt. */
  readonly readBack?: number;
  readonly invocation: string;
  readonly contract?: string;
  readonly outcome: string;
  readonly errorClass?: string;
  readonly side?: string;
  readonly receipt: string;
  /** Of that receipt. */
  readonly time: TimeReport;
  /** Only for `executed`, `failed` and `in-doubt`. */
  readonly proofClass?: ProofClass;
  readonly missing: readonly Signal[];
  /** Why it is operational input, apart from missing signals. */
  readonly reasons: readonly string[];
  /** What the external system reported; not that it is true. */
  readonly observed?: { readonly outputs: JsonObject; readonly asReportedBy: string };
  readonly artifacts: readonly {
    readonly id: string;
    readonly digest: string;
    readonly size: number;
    readonly exact: boolean;
  }[];
}

export interface DeniedReport {
  readonly invocation: string;
  readonly targets: readonly string[];
  readonly gate: string;
  readonly reason: string;
  readonly receipt: string;
}

/** The boundary table of design section 3. */
export interface BoundaryTable {
  readonly contract: string;
  readonly rows: readonly {
    readonly row: string;
    readonly witnessops: readonly string[];
    readonly external: readonly string[];
  }[];
  readonly attests: string;
  readonly doesNotAttest: string;
}

export interface ConclusionReport {
  readonly statement: string;
  readonly principal: string;
  readonly confidence: "low" | "medium" | "high";
  /** Whether the confidence may stand: `high` needs a trusted person and strong proof only. */
  readonly supported: boolean;
  readonly reasons: readonly string[];
  readonly cites: readonly Json[];
  /** Envelope digest: how later statements name it. */
  readonly digest: string;
  /** A conclusion is never edited: a later one takes its place, or it is taken back. */
  readonly state: "stands" | "superseded" | "withdrawn";
  /** By whom and when it ended, in words. */
  readonly ended?: string;
}

/** The trust assumptions of every report (design section 9). */
export const assumptions = [
  { id: "T1", text: "external systems may return incomplete, delayed or misleading data" },
  { id: "T2", text: "network path, identity providers and remote availability are outside our control" },
  { id: "T3", text: "host integrity, key custody and wrapper correctness are trusted" },
  {
    id: "T4",
    text: "evidence and receipts attest what was captured and linked, not that external systems were truthful",
  },
  { id: "T5", text: "human review comes before high-confidence claims" },
  { id: "T6", text: "times are the host's claim unless bounded" },
] as const;
