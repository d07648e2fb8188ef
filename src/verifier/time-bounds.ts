import type { Digest } from "../format/digest.ts";
import { utcFromMillis } from "../format/time.ts";
import { agreedBy, type Stamp } from "./agreement.ts";
import type { Bundle } from "./bundle.ts";
import type { Receipt } from "./read-receipts.ts";
import type { TimeReport } from "./report.ts";

/** Between which instants, in milliseconds since the epoch, somebody whom the reviewer trusts puts a receipt. */
export interface TimeBounds {
  /** By the witnessed checkpoint that it, or one before it in its chain, carries. */
  readonly notBefore: number | undefined;
  /** By the first cosignature or timestamp over it, or over one after it in its chain. */
  readonly notAfter: number | undefined;
}

/** Bounds of each receipt; a receipt that has none is the host's claim. */
export type TimeBoundsOf = (receipt: Digest) => TimeBounds;

/** What bounds the receipts of a bundle. */
export interface BoundedBy {
  /** Tokens that count, by the receipt that they are over. */
  readonly stamps: ReadonlyMap<Digest, readonly Stamp[]>;
  /** Those over the claim, which is over every receipt. */
  readonly claimStamps: readonly Stamp[];
  /** How many authorities must agree. */
  readonly threshold: number;
  /** When a witnessed checkpoint with all of the bundle's receipts was cosigned. */
  readonly cosignedAt?: number | undefined;
  /** The time of the witnessed checkpoint that a receipt itself carries. */
  readonly lowerAt?: ((receipt: Receipt) => number | undefined) | undefined;
}

const UNBOUNDED: TimeBounds = Object.freeze({ notBefore: undefined, notAfter: undefined });

/** Bounds where nobody but the host says when a receipt was made. */
export const unbounded: TimeBoundsOf = () => UNBOUNDED;

/**
 * Bounds of every receipt (`spec/time.md`, *Bounds*). A token over one receipt bounds all before it in its chain from
 * above. It bounds nothing from below: what comes after does not contain it.
 */
export function boundTimes(bundle: Bundle, by: BoundedBy): TimeBoundsOf {
  if (
    by.stamps.size === 0 &&
    by.claimStamps.length === 0 &&
    by.cosignedAt === undefined &&
    by.lowerAt === undefined
  )
    return unbounded;
  const above = upperBounds(bundle, by);
  const below = lowerBounds(bundle, by);
  return (receipt) => ({ notBefore: below.get(receipt), notAfter: above.get(receipt) });
}

/** The earliest token of each authority and key. */
type Earliest = ReadonlyMap<string, Stamp>;

function upperBounds(bundle: Bundle, by: BoundedBy): ReadonlyMap<Digest, number> {
  const bounds = new Map<Digest, number>();
  const whole = merge(new Map(), by.claimStamps);
  /** What is over the first receipt of a run's stream, and so over the one that opened it. */
  const firsts = new Map<string, Earliest>();
  const walk = (receipts: readonly Receipt[], end: Earliest): Earliest => {
    let earliest = end;
    let bound = boundOf(earliest, by);
    for (const { digest, predicate } of receipts.toReversed()) {
      const { event, detail } = predicate;
      const before = earliest;
      earliest = merge(earliest, by.stamps.get(digest) ?? []);
      const run = String(detail?.run);
      const ofRun = predicate.ledger.stream.startsWith("engagement:");
      if (ofRun && event === "run-opened") {
        if (!firsts.has(run)) firsts.set(run, walk(streamOf(run), whole));
        earliest = merge(earliest, (firsts.get(run) ?? whole).values());
      }
      if (ofRun && event === "run-closed" && !firsts.has(run)) {
        const { seq = -1 } = (detail?.head ?? {}) as { seq?: number };
        const stream = streamOf(run);
        // What stands after the head that the closing names is not what it is about.
        const later = walk(stream.slice(seq + 1), whole);
        firsts.set(run, walk(stream.slice(0, seq + 1), merge(later, earliest.values())));
      }
      if (earliest !== before) bound = boundOf(earliest, by);
      if (bound !== undefined) bounds.set(digest, bound);
    }
    return earliest;
  };
  const streamOf = (run: string): readonly Receipt[] => bundle.streams.get(`run:${run}`) ?? [];
  const rest = [...bundle.streams].filter(([stream]) => stream.startsWith("run:"));
  for (const [stream, receipts] of bundle.streams) if (!stream.startsWith("run:")) walk(receipts, whole);
  for (const [stream, receipts] of rest) if (!firsts.has(stream.slice("run:".length))) walk(receipts, whole);
  return bounds;
}

/** The instant by which enough authorities, or the witnesses, agree that it existed. */
function boundOf(earliest: Earliest, { threshold, cosignedAt }: BoundedBy): number | undefined {
  const stamped = agreedBy(earliest.values(), threshold);
  if (stamped === undefined || cosignedAt === undefined) return stamped ?? cosignedAt;
  return Math.min(stamped, cosignedAt);
}

function merge(earliest: Earliest, stamps: Iterable<Stamp>): Earliest {
  let merged = earliest as Map<string, Stamp>;
  for (const stamp of stamps) {
    const name = `${stamp.key} ${stamp.authority}`;
    if ((merged.get(name)?.notAfter ?? Number.POSITIVE_INFINITY) <= stamp.notAfter) continue;
    if (merged === earliest) merged = new Map(earliest);
    merged.set(name, stamp);
  }
  return merged;
}

function lowerBounds(bundle: Bundle, { lowerAt }: BoundedBy): ReadonlyMap<Digest, number> {
  const bounds = new Map<Digest, number>();
  if (lowerAt === undefined) return bounds;
  const walk = (receipts: readonly Receipt[], start: number | undefined): void => {
    let latest = start;
    for (const receipt of receipts) {
      const own = lowerAt(receipt);
      if (own !== undefined && own > (latest ?? Number.NEGATIVE_INFINITY)) latest = own;
      if (latest !== undefined) bounds.set(receipt.digest, latest);
    }
  };
  for (const [stream, receipts] of bundle.streams) if (!stream.startsWith("run:")) walk(receipts, undefined);
  for (const [stream, receipts] of bundle.streams) {
    if (!stream.startsWith("run:")) continue;
    const opened = bundle.runEvents.get(`run-opened ${stream.slice("run:".length)}`);
    walk(receipts, opened && bounds.get(opened.digest));
  }
  return bounds;
}

/** What a report says of when something was. */
export function reportTime(claimed: string, { notBefore, notAfter }: TimeBounds): TimeReport {
  const isBounded = notBefore !== undefined || notAfter !== undefined;
  return {
    claimed,
    bound: isBounded ? "bounded" : "host-asserted",
    ...(notBefore === undefined ? {} : { notBefore: utcFromMillis(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: utcFromMillis(notAfter) }),
  };
}
