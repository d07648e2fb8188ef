import type { PrincipalSet } from "../contract/principal.ts";
import type { Digest } from "../format/digest.ts";

/** A conclusion as it was recorded; `digest` is its envelope's. */
export interface RecordedConclusion {
  readonly digest: Digest;
  readonly run: string;
  readonly principal: string;
}

/** How a conclusion ended: it is never edited, a later statement takes its place or takes it back. */
export type ConclusionEnd =
  | { readonly state: "superseded"; readonly by: string; readonly at: string; readonly conclusion: Digest }
  | { readonly state: "withdrawn"; readonly by: string; readonly at: string; readonly reason: string };

/** Why a statement may not end a conclusion. */
export type EndRefusal =
  /** The run has no such conclusion before it. */
  | "conclusion-unknown"
  /** It was superseded or withdrawn already. */
  | "conclusion-ended"
  /** Neither who concluded nor an owner signed. */
  | "not-entitled";

/**
 * The conclusions of runs as their receipts come, and which of them stand (design section 9). Whoever concluded may
 * supersede or withdraw, and so may an owner; nobody else, and nobody twice.
 */
export class StandingConclusions {
  readonly #recorded = new Map<Digest, RecordedConclusion>();
  readonly #ends = new Map<Digest, ConclusionEnd>();

  record(conclusion: RecordedConclusion): void {
    this.#recorded.set(conclusion.digest, conclusion);
  }

  /** Ends a conclusion. @returns why not; undefined when it is ended. */
  end(conclusion: Digest, run: string, principals: PrincipalSet, end: ConclusionEnd): EndRefusal | undefined {
    const recorded = this.#recorded.get(conclusion);
    if (recorded === undefined || recorded.run !== run) return "conclusion-unknown";
    if (this.#ends.has(conclusion)) return "conclusion-ended";
    if (end.by !== recorded.principal && !isOwner(principals, end.by)) return "not-entitled";
    this.#ends.set(conclusion, Object.freeze(end));
    return undefined;
  }

  /** How it ended; undefined while it stands. */
  endOf(conclusion: Digest): ConclusionEnd | undefined {
    return this.#ends.get(conclusion);
  }
}

function isOwner({ principals }: PrincipalSet, id: string): boolean {
  return principals.some((one) => one.id === id && one.type === "human" && one.roles.includes("owner"));
}

/** How a conclusion ended, in words. */
export function conclusionState(end: ConclusionEnd | undefined): string {
  if (end === undefined) return "stands";
  if (end.state === "superseded") return `superseded by ${end.by} at ${end.at}`;
  return `withdrawn by ${end.by} at ${end.at}: ${end.reason}`;
}
