import type { Digest } from "../format/digest.ts";
import { millisOf } from "../format/time.ts";
import type { Anchor } from "./anchor.ts";
import type { KeyRevocation } from "./key-revocations.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import type { TimeBoundsOf } from "./time-bounds.ts";

/** Two processes of one host may see a change of keys this much apart, in milliseconds. */
export const KEY_TOLERANCE_MS = 10_000;

const REVOCATION = "the revocation of a key";

/** Where something was signed: what its order and its bounds are taken from. */
export interface Signed {
  /** Digest of the receipt that it is judged by, or of the claim. */
  readonly digest: Digest;
  readonly claimedUtc: string;
  /** Its place in the workspace's stream; undefined for what stands elsewhere. */
  readonly seq: number | undefined;
  readonly at: { readonly path?: string; readonly receipt?: Digest };
}

/** A receipt as `Signed`. */
export function signedBy({ digest, predicate: { ledger, time } }: Receipt): Signed {
  const seq = ledger.stream === "workspace" ? ledger.seq : undefined;
  return { digest, claimedUtc: time.claimedUtc, seq, at: { receipt: digest } };
}

/** Whether something stands later than a receipt of the workspace's stream, by its place or the time it claims. */
export function isLater(signed: Signed, receipt: Receipt): boolean {
  const { ledger, time } = receipt.predicate;
  if (signed.seq !== undefined) return signed.seq > ledger.seq;
  const [at, then] = [millisOf(signed.claimedUtc), millisOf(time.claimedUtc)];
  return at === undefined || then === undefined || at > then + KEY_TOLERANCE_MS;
}

/** When something was signed, beside the instant since which its key may have been in other hands. */
type Side = "before" | "after" | "unknown";

/** Keys that may have been in other hands: by the reviewer's word, and by the workspace's own receipts. */
export class CompromisedKeys {
  readonly #boundsOf: TimeBoundsOf;
  readonly #findings: Findings;
  readonly #trusted = new Map<string, number>();
  readonly #revoked = new Map<string, KeyRevocation>();

  /** @param revocations every one that was signed as it must be, in the order of their stream. */
  constructor(
    anchor: Anchor,
    revocations: readonly KeyRevocation[],
    boundsOf: TimeBoundsOf,
    findings: Findings,
  ) {
    this.#boundsOf = boundsOf;
    this.#findings = findings;
    for (const { keyId, since } of anchor.compromised) {
      const known = this.#trusted.get(keyId) ?? Number.POSITIVE_INFINITY;
      this.#trusted.set(keyId, Math.min(known, millisOf(since) ?? Number.NEGATIVE_INFINITY));
    }
    const known = revocations.filter(({ signer, receipt }) =>
      [...signer].every((id) => this.#judgeTrusted(id, signedBy(receipt), REVOCATION) === "before"),
    );
    const { first, second } = inOrder(known);
    // From the last on: what revokes a key says of the revocations before it whether that key may have made them.
    for (const revocation of first.toReversed()) {
      const sides = this.#revokedSides(revocation);
      if (sides.every((side) => side === "before")) this.#revoke(revocation);
    }
    for (const revocation of second) this.#revokedSides(revocation);
  }

  #revokedSides({ signer, receipt }: KeyRevocation): Side[] {
    return [...signer].map((id) => this.#judgeRevoked(id, signedBy(receipt), REVOCATION));
  }

  #revoke(revocation: KeyRevocation): void {
    const known = this.#revoked.get(revocation.keyId);
    // The first receipt says from where on the key is not used; the earliest instant, what is in doubt before.
    const since = Math.min(revocation.since, known?.since ?? Number.POSITIVE_INFINITY);
    this.#revoked.set(revocation.keyId, { ...revocation, since });
  }

  /** Ids of all of them. */
  get ids(): ReadonlySet<string> {
    return new Set([...this.#trusted.keys(), ...this.#revoked.keys()]);
  }

  /**
   * Judges something that a key signed and reports what is wrong with it (`spec/keys.md`, Revocation and compromise).
   *
   * @param ids every id that the key goes by.
   * @param what what was signed, as a report names it.
   * @returns false when it does not count.
   */
  judge(ids: Iterable<string>, signed: Signed, what: string): boolean {
    const sides = [...ids].flatMap((id) => [
      this.#judgeRevoked(id, signed, what),
      this.#judgeTrusted(id, signed, what),
    ]);
    return !sides.includes("after");
  }

  #judgeRevoked(id: string, signed: Signed, what: string): Side {
    const revoked = this.#revoked.get(id);
    if (revoked === undefined) return "before";
    const side = isLater(signed, revoked.receipt) ? "after" : this.#sideOf(signed.digest, revoked.since);
    if (side === "after")
      this.#findings.fail("FAILURE_SIGNATURE_INVALID", `${what} is by a key that was revoked`, signed.at);
    else if (side === "unknown")
      this.#findings.doubt(`${what} is by a key that was revoked later, and nothing bounds when it was made`);
    return side;
  }

  #judgeTrusted(id: string, signed: Signed, what: string): Side {
    const since = this.#trusted.get(id);
    if (since === undefined) return "before";
    const side = this.#sideOf(signed.digest, since);
    if (side === "after") {
      const message = `${what} is by a key that the trust file says was compromised before`;
      this.#findings.contradict("FAILURE_SIGNATURE_INVALID", message, signed.at);
    } else if (side === "unknown")
      this.#findings.untested(
        `${what} is by a key that the trust file says is compromised, and nothing bounds when it was made`,
      );
    return side;
  }

  #sideOf(digest: Digest, since: number): Side {
    const { notBefore, notAfter } = this.#boundsOf(digest);
    if (notBefore !== undefined && notBefore >= since) return "after";
    return notAfter !== undefined && notAfter < since ? "before" : "unknown";
  }
}

/** Revocations by keys that none before them revokes, and those by keys that one of the first revokes. */
function inOrder(revocations: readonly KeyRevocation[]) {
  const revoked = new Set<string>();
  const first: KeyRevocation[] = [];
  const second: KeyRevocation[] = [];
  for (const revocation of revocations) {
    if (!revocation.signer.isDisjointFrom(revoked)) {
      second.push(revocation);
      continue;
    }
    first.push(revocation);
    revoked.add(revocation.keyId);
  }
  return { first, second };
}
