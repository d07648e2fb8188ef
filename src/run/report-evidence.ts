import type { Artifact } from "../contract/artifact.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { ArtifactState } from "../gate/evidence-state.ts";
import { runStream } from "../ledger/streams.ts";
import { followEvidence } from "./find-artifact.ts";
import type { Store, StoredReceipt } from "./store.ts";

/** An artifact of an engagement, as it stands by now. */
export interface ReportedArtifact {
  readonly artifact: string;
  /** Of what is stored, in bytes: of the ciphertext when it is sealed. */
  readonly size: number;
  /** Undefined while nobody has classified it. */
  readonly sensitivity?: string;
  readonly state: "kept" | "quarantined" | "on-hold" | "retired";
  /** When it was captured, or imported; the host's claim. */
  readonly capturedAt: string;
  /** Who imported it; otherwise who asked for the run. Undefined for a redacted copy: `handled` says who made it. */
  readonly by?: string;
  /** To whom it is sealed; undefined when it is kept in the clear. */
  readonly sealedTo?: readonly string[];
}

/** Something that was done to an artifact after it was collected. */
export interface ReportedHandling {
  readonly artifact: string;
  readonly what: "classified" | "held" | "hold-ended" | "released" | "redacted" | "retired";
  readonly by: string;
  readonly at: string;
  readonly reason?: string;
  /** Classified as what; released to whom; redacted from which. */
  readonly to?: string;
  readonly receipt: string;
}

/** Which of an engagement's receipts say what was done to evidence. */
export const handlings: Readonly<Record<string, ReportedHandling["what"]>> = {
  "artifact-classified": "classified",
  "artifact-held": "held",
  "artifact-hold-ended": "hold-ended",
  "artifact-released": "released",
  "artifact-redacted": "redacted",
  "artifact-retired": "retired",
};

/**
 * The artifacts of runs, by the receipts of their engagement.
 *
 * @param collector who collected an artifact of a run.
 */
export function reportArtifacts(
  store: Store,
  runs: readonly string[],
  receipts: readonly StoredReceipt[],
  collector: (run: string, artifact: Artifact) => string | undefined,
): ReportedArtifact[] {
  const lifecycle = receipts.filter(({ event }) => handlings[event] !== undefined);
  return runs.flatMap((run) =>
    followEvidence(run, [...store.receipts(runStream(run)), ...lifecycle])
      .all()
      .map((state) => reportedArtifact(state, collector(run, state.artifact))),
  );
}

function reportedArtifact(
  { artifact, sensitivity, holds, retired }: ArtifactState,
  by: string | undefined,
): ReportedArtifact {
  const { id, size, capturedAt, sealed } = artifact;
  const there = sensitivity === undefined ? "quarantined" : "kept";
  return {
    artifact: id,
    size,
    ...(sensitivity === undefined ? {} : { sensitivity }),
    state: retired !== undefined ? "retired" : holds.size > 0 ? "on-hold" : there,
    capturedAt,
    ...(by === undefined ? {} : { by }),
    ...(sealed === undefined ? {} : { sealedTo: sealed.recipients }),
  };
}

/** What a receipt says was done to an artifact; undefined for any other receipt. */
export function reportHandling(predicate: ReceiptPredicate, receipt: string): ReportedHandling | undefined {
  const { event, detail, actor, time } = predicate;
  const what = handlings[event];
  if (what === undefined) return undefined;
  const [copy] = predicate.artifacts ?? [];
  const to = otherEnd(predicate);
  return {
    artifact: copy?.id ?? String(detail?.artifact),
    what,
    by: actor.principal,
    at: time.claimedUtc,
    ...(typeof detail?.reason === "string" ? { reason: detail.reason } : {}),
    ...(to === undefined ? {} : { to }),
    receipt,
  };
}

function otherEnd({ detail, artifacts }: ReceiptPredicate): string | undefined {
  const found = detail?.recipient ?? detail?.sensitivity ?? artifacts?.[0]?.derivedFrom;
  return typeof found === "string" ? found : undefined;
}
