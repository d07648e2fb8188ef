import type { Artifact } from "../contract/artifact.ts";
import type { ReceiptPredicate } from "../contract/receipt-predicate.ts";
import type { Sensitivity } from "../contract/vocabulary.ts";

/** How an artifact was retired, by its receipt. */
export interface Retirement {
  /** Digest of the receipt. */
  readonly receipt: string;
  /** The host's claim, UTC RFC 3339. */
  readonly at: string;
  readonly by: string;
  readonly reason: string;
}

/** What the receipts say of one artifact (`spec/lifecycle.md`). */
export interface ArtifactState {
  readonly artifact: Artifact;
  /** Undefined while nobody has classified it: it is quarantined. */
  readonly sensitivity: Sensitivity | undefined;
  /** Digests of the `artifact-held` receipts that still stand; grows and shrinks as receipts are followed. */
  readonly holds: ReadonlySet<string>;
  readonly retired?: Retirement;
}

/** A receipt as far as the lifecycle looks at it. */
export interface LifecycleReceipt {
  readonly digest: string;
  readonly predicate: Pick<ReceiptPredicate, "event" | "detail" | "artifacts" | "actor" | "time">;
}

/** The states of a run's artifacts while the receipts of its engagement's stream are followed one by one. */
export interface ArtifactStates {
  get(id: string): ArtifactState | undefined;
  all(): readonly ArtifactState[];
  follow(receipt: LifecycleReceipt): void;
}

/** Starts from the artifacts that the run's own stream binds. Pure: a host and a verifier get the same. */
export function startArtifactStates(bound: Iterable<Artifact>): ArtifactStates {
  const states = new Map<string, ArtifactState & { readonly holds: Set<string> }>();
  const add = (artifact: Artifact): void => {
    if (!states.has(artifact.id))
      states.set(artifact.id, { artifact, sensitivity: artifact.sensitivity, holds: new Set() });
  };
  for (const artifact of bound) add(artifact);

  return {
    get: (id) => states.get(id),
    all: () => [...states.values()],
    follow({ digest, predicate }) {
      const { event, detail, artifacts, actor, time } = predicate;
      if (event === "artifact-redacted") for (const artifact of artifacts ?? []) add(artifact);
      const id = String(detail?.artifact);
      const state = states.get(id);
      if (state === undefined || state.artifact.digest !== detail?.digest) return;
      switch (event) {
        case "artifact-classified":
          states.set(id, { ...state, sensitivity: detail.sensitivity as Sensitivity });
          break;
        case "artifact-held":
          state.holds.add(digest);
          break;
        case "artifact-hold-ended":
          state.holds.delete(String(detail.hold));
          break;
        case "artifact-retired": {
          const by = actor.principal;
          const retired = { receipt: digest, at: time.claimedUtc, by, reason: String(detail.reason) };
          states.set(id, { ...state, retired: state.retired ?? retired });
          break;
        }
      }
    },
  };
}
