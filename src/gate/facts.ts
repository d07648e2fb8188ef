import type { ActionDocument } from "../contract/action-document.ts";
import type { Awaited } from "../contract/awaited.ts";
import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { Contract } from "../contract/contract.ts";
import type { Engagement } from "../contract/engagement.ts";
import type {
  ApprovalFact,
  BreakGlassFact,
  GateRecord,
  GivenFact,
  LiveStatus,
  ProofFact,
} from "../contract/gate-record.ts";
import type { PausedAt } from "../contract/paused-at.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Json } from "../format/json.ts";

/** Everything the gates may look at. Recorded facts only: the same facts give the same record, always. */
export interface GateFacts {
  readonly action: ActionDocument;
  readonly attempt: number;
  /** The host's clock, UTC RFC 3339. */
  readonly now: string;
  readonly draft: boolean;
  readonly contract: Contract;
  /** Digest of the contract that would be called. */
  readonly contractDigest: string;
  readonly lock: CatalogLock;
  readonly engagement: Engagement;
  readonly principals: PrincipalSet;
  /** The runbook's scope with its `from` expressions resolved to patterns. */
  readonly runbookScope: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  readonly runbookClassification: string;
  readonly adapter: GateRecord["adapter"];
  readonly live: LiveStatus;
  /** Approvals for this action digest whose signatures were checked against the pinned principals. */
  readonly approvals: readonly ApprovalFact[];
  /** Proofs of domain control in the engagement, from its receipts. */
  readonly proofs?: readonly ProofFact[];
  /** A person's word that they act without approval, whose signature was checked. */
  readonly breakGlass?: BreakGlassFact;
  /** What the action waits for; undefined when for nothing. */
  readonly awaited?: Awaited;
  /** What arrived for it, checked. */
  readonly given?: readonly GivenFact[];
  /** When it began to wait, by gate; empty before the first pause. */
  readonly pausedAt?: PausedAt;
  readonly policy: PolicyDecider;
}

/** A Cedar request in plain words; `gate/policy-request.ts` builds it from facts. */
export interface PolicyRequest {
  readonly principal: { readonly id: string; readonly attributes: { readonly [name: string]: Json } };
  readonly action: string;
  readonly resource: { readonly id: string; readonly attributes: { readonly [name: string]: Json } };
  readonly context: { readonly [name: string]: Json };
}

export interface PolicyDecision {
  readonly decision: "allow" | "deny";
  /** Ids of the policies that determined it, sorted. */
  readonly determining: readonly string[];
  /** Any error means deny. */
  readonly errors: readonly string[];
}

/** Decides Cedar requests; memoised, synchronous, never throws. */
export interface PolicyDecider {
  decide(request: PolicyRequest): PolicyDecision;
}
