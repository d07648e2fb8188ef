/** A token that counts: for which authority, by which key, and the latest instant that it leaves. */
export interface Stamp {
  readonly authority: string;
  /** The signer's SubjectPublicKeyInfo, in hex. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * By when enough authorities agree that something existed (`spec/time.md`, *Who counts*); undefined when too few do.
 * An authority counts once, and so does a key that several of them certified: whoever holds it speaks with one voice.
 */
export function agreedBy(stamps: Iterable<Stamp>, threshold: number): number | undefined {
  return pairUp(stamps, threshold).at;
}

/** How many authorities agree, each by a key of its own. */
export function agreeing(stamps: Iterable<Stamp>): number {
  return pairUp(stamps, Number.POSITIVE_INFINITY).pairs;
}

/** A largest matching of authorities and keys, which grows as tokens are looked at from the earliest on. */
function pairUp(
  stamps: Iterable<Stamp>,
  wanted: number,
): { readonly pairs: number; readonly at: number | undefined } {
  const keysOf = new Map<string, string[]>();
  const paired = new Map<string, string>();
  const free = new Set<string>();
  const pair = (authority: string, tried: Set<string>): boolean => {
    for (const key of keysOf.get(authority) ?? []) {
      if (tried.has(key)) continue;
      tried.add(key);
      const holder = paired.get(key);
      if (holder !== undefined && !pair(holder, tried)) continue;
      paired.set(key, authority);
      return true;
    }
    return false;
  };
  let pairs = 0;
  for (const { authority, key, notAfter } of [...stamps].sort((a, b) => a.notAfter - b.notAfter)) {
    const keys = keysOf.get(authority);
    if (keys === undefined) free.add(authority);
    keysOf.set(authority, [...(keys ?? []), key]);
    const grown = [...free].find((one) => pair(one, new Set()));
    if (grown === undefined) continue;
    free.delete(grown);
    pairs += 1;
    if (pairs === wanted) return { pairs, at: notAfter };
  }
  return { pairs, at: undefined };
}
