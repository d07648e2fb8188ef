import type { Digest } from "../format/digest.ts";
import { millisOf } from "../format/time.ts";
import type { Anchor } from "./anchor.ts";
import type { KeyRevocation } from "./key-revocations.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import type { TimeBoundsOf } from "./time-bounds.ts";

/** Two processes of one host may see a change of keys this much apart, in milliseconds. */
export const KEY_TOLERANCE_MS = 10_000;

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

/** Keys that may have been in other hands: by the reviewer's word, and by the workspace's own receipts. */
export class CompromisedKeys {
  readonly #boundsOf: TimeBoundsOf;
  readonly #findings: Findings;
  readonly #trusted = new Map<string, number>();
  readonly #revoked = new Map<string, KeyRevocation>();

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
    for (const revocation of revocations) {
      const known = this.#revoked.get(revocation.keyId);
      // The first receipt says from where on the key is not used; the earliest instant, what is in doubt before.
      const since = Math.min(revocation.since, known?.since ?? Number.POSITIVE_INFINITY);
      this.#revoked.set(revocation.keyId, { ...(known ?? revocation), since });
    }
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
    let counts = true;
    for (const id of ids) {
      counts = this.#judgeRevoked(id, signed, what) && counts;
      counts = this.#judgeTrusted(id, signed, what) && counts;
    }
    return counts;
  }

  #judgeRevoked(id: string, signed: Signed, what: string): boolean {
    const revoked = this.#revoked.get(id);
    if (revoked === undefined) return true;
    const side = isLater(signed, revoked.receipt) ? "after" : this.#sideOf(signed.digest, revoked.since);
    if (side === "after")
      this.#findings.fail("FAILURE_SIGNATURE_INVALID", `${what} is by a key that was revoked`, signed.at);
    else if (side === "unknown")
      this.#findings.doubt(`${what} is by a key that was revoked later, and nothing bounds when it was made`);
    return side !== "after";
  }

  #judgeTrusted(id: string, signed: Signed, what: string): boolean {
    const since = this.#trusted.get(id);
    if (since === undefined) return true;
    const side = this.#sideOf(signed.digest, since);
    if (side === "after") {
      const message = `${what} is by a key that the trust file says was compromised before`;
      this.#findings.contradict("FAILURE_SIGNATURE_INVALID", message, signed.at);
    } else if (side === "unknown")
      this.#findings.untested(
        `${what} is by a key that the trust file says is compromised, and nothing bounds when it was made`,
      );
    return side !== "after";
  }

  #sideOf(digest: Digest, since: number): "before" | "after" | "unknown" {
    const { notBefore, notAfter } = this.#boundsOf(digest);
    if (notBefore !== undefined && notBefore >= since) return "after";
    return notAfter !== undefined && notAfter < since ? "before" : "unknown";
  }
}
