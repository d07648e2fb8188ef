import { CLAIM_PATH } from "../contract/proof-bundle.ts";
import { toHex } from "../format/base64.ts";
import { findPath } from "../format/certificate-path.ts";
import type { Digest } from "../format/digest.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { type HeldTimestamp, verifyTimestamp } from "../format/verify-timestamp.ts";
import { agreedBy, agreeing, type Stamp } from "./agreement.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type Failure, Findings, type LayerResult } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import type { TimeReport } from "./report.ts";
import { reportTime, type TimeBounds, type TimeBoundsOf } from "./time-bounds.ts";

/** How far a host's clock may be from the authorities', in milliseconds. */
const TOLERANCE = 5 * 60_000;

type Place = { readonly path: string } | { readonly receipt: Digest };

/** What the tokens over one signature come to. */
interface Tally {
  /** Whether one holds by itself, or cannot be judged here. */
  readonly isStamped: boolean;
  /** Those that count, by every authority that their signer's key leads to. */
  readonly stamps: readonly Stamp[];
}

/** The tokens of a bundle, each checked once. */
export interface Tokens {
  readonly findings: Findings;
  readonly tallies: ReadonlyMap<Digest, Tally>;
  readonly claim: Tally;
  /** Tokens that count, by receipt: what bounds times. */
  readonly stamps: ReadonlyMap<Digest, readonly Stamp[]>;
}

const NONE: Tally = { isStamped: false, stamps: [] };

/** Checks every token of the bundle (`spec/time.md`), and counts those of the reviewer's authorities. */
export async function checkTokens(bundle: Bundle, anchor: Anchor): Promise<Tokens> {
  const findings = new Findings("timestamps");
  const tallies = new Map<Digest, Tally>();
  for (const { digest, envelope, timestamps } of bundle.receipts) {
    if (timestamps.length === 0) continue;
    tallies.set(
      digest,
      await tally(timestamps, envelope.signature.sig, anchor, findings, { receipt: digest }),
    );
  }
  const { envelope, timestamps = [] } = bundle.claim ?? {};
  const claim =
    envelope === undefined
      ? NONE
      : await tally(timestamps, envelope.signature.sig, anchor, findings, { path: CLAIM_PATH });
  const stamps = new Map([...tallies].map(([digest, { stamps: counted }]) => [digest, counted]));
  return { findings, tallies, claim, stamps };
}

/**
 * Layer 5: tokens verify, those that the run promised or the reviewer requires are there, and no claimed time
 * contradicts what authorities and witnesses say.
 *
 * @param bounds of every receipt, by tokens and by the log.
 */
export function checkTimestamps(
  { findings, tallies, claim }: Tokens,
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  bounds: TimeBoundsOf,
): LayerResult {
  const enough = ({ stamps }: Tally): boolean => agreed(stamps, anchor) !== undefined;
  const isPresent = tallies.size > 0 || (bundle.claim?.timestamps.length ?? 0) > 0;
  for (const { id, document, opened, closed } of runs) {
    const isPromised = document.requiredLayers.includes("time");
    if (!isPromised && !anchor.require.has("time")) continue;
    for (const receipt of closed === undefined ? [opened] : [opened, closed]) {
      const found = tallies.get(receipt.digest) ?? NONE;
      const event = `\`${receipt.predicate.event}\` of run \`${id}\``;
      if (isPromised && !found.isStamped) {
        const message = `the layer \`time\` is promised, and ${event} has no time-stamp that holds`;
        findings.fail("FAILURE_COMPLETENESS", message, { receipt: receipt.digest });
      } else if (!enough(found)) {
        const wanted = `${agreeing(found.stamps)} of ${anchor.timeThreshold} time-stamps by trusted authorities`;
        findings.untested(`${event} has ${wanted}`);
      }
    }
  }
  for (const { digest, predicate } of bundle.receipts) {
    const why = contradiction(predicate.time.claimedUtc, bounds(digest));
    if (why !== undefined) findings.contradict("FAILURE_TIMESTAMP_INVALID", why, { receipt: digest });
  }
  if (bundle.claim !== undefined) {
    const { exportedAt } = bundle.claim.predicate;
    const why = contradiction(exportedAt, { notBefore: undefined, notAfter: agreed(claim.stamps, anchor) });
    if (why !== undefined) findings.contradict("FAILURE_TIMESTAMP_INVALID", why, { path: CLAIM_PATH });
  }
  if (!isPresent) findings.note("no timestamps: times are the host's claim");
  const isEstablished = [...tallies.values(), claim].some(enough);
  return findings.end({
    internal: isPresent ? "ok" : "not-present",
    anchored: isEstablished ? "established" : "not-applicable",
  });
}

/** Checks the tokens over one receipt alone: what is wrong with them, and when the receipt was. */
export async function checkReceiptTokens(
  { digest, envelope, timestamps, predicate }: Receipt,
  anchor: Anchor,
): Promise<{ readonly failures: readonly Failure[]; readonly time: TimeReport }> {
  const findings = new Findings("timestamps");
  const { stamps } = await tally(timestamps, envelope.signature.sig, anchor, findings, { receipt: digest });
  const bounds = { notBefore: undefined, notAfter: agreed(stamps, anchor) };
  const { claimedUtc } = predicate.time;
  const why = contradiction(claimedUtc, bounds);
  if (why !== undefined) findings.contradict("FAILURE_TIMESTAMP_INVALID", why, { receipt: digest });
  const { failures } = findings.end({ anchored: "not-applicable" });
  return { failures, time: reportTime(claimedUtc, bounds) };
}

/** By when enough authorities agree that something existed; undefined when too few stamped it. */
function agreed(stamps: readonly Stamp[], { timeThreshold }: Anchor): number | undefined {
  return agreedBy(stamps, timeThreshold);
}

async function tally(
  tokens: readonly Uint8Array[],
  signature: Uint8Array,
  anchor: Anchor,
  findings: Findings,
  at: Place,
): Promise<Tally> {
  const known = anchor.timeAuthorities.flatMap(({ certificates }) => certificates);
  const stamps: Stamp[] = [];
  let isStamped = false;
  for (const token of tokens) {
    const checked = await verifyTimestamp(token, signature, known);
    if (checked.state === "broken") {
      findings.fail("FAILURE_TIMESTAMP_INVALID", checked.why, at);
      continue;
    }
    isStamped = true;
    if (checked.state === "unchecked") {
      findings.note(`a time-stamp does not count: ${checked.why}`);
      continue;
    }
    const notAfter = checked.genTime + checked.accuracy;
    const key = toHex(checked.signer.spki);
    for (const authority of await authoritiesOf(checked, anchor, findings, at))
      stamps.push({ authority, key, notAfter });
  }
  return { isStamped, stamps };
}

/** The reviewer's authorities that a token's signer hangs from. */
async function authoritiesOf(
  { signer, certificates, genTime }: HeldTimestamp,
  { timeAuthorities }: Anchor,
  findings: Findings,
  at: Place,
): Promise<string[]> {
  const trusted: string[] = [];
  let broken: string | undefined;
  for (const authority of timeAuthorities) {
    const path = await findPath(signer, certificates, authority.certificates, genTime);
    if (path.state === "broken") broken ??= path.why;
    if (path.state !== "trusted") continue;
    if (isValidAt(authority, utcFromMillis(genTime))) trusted.push(authority.name);
    else broken ??= `\`${authority.name}\` is not trusted for that time`;
  }
  if (trusted.length === 0 && broken !== undefined)
    findings.contradict("FAILURE_TIMESTAMP_INVALID", `a time-stamp's signer: ${broken}`, at);
  else if (trusted.length === 0)
    findings.note("a time-stamp does not count: it is by an authority that the trust file does not list");
  return trusted;
}

/** Why a claimed time cannot be; undefined when it can. */
function contradiction(claimedUtc: string, { notBefore, notAfter }: TimeBounds): string | undefined {
  if (notBefore === undefined && notAfter === undefined) return undefined;
  const claimed = millisOf(claimedUtc);
  if (claimed === undefined) return undefined;
  if (notAfter !== undefined && claimed > notAfter + TOLERANCE)
    return `it claims ${claimedUtc}, and existed by ${utcFromMillis(notAfter)}`;
  if (notBefore !== undefined && claimed < notBefore - TOLERANCE)
    return `it claims ${claimedUtc}, and knows what was only made at ${utcFromMillis(notBefore)}`;
  if (notBefore !== undefined && notAfter !== undefined && notBefore > notAfter)
    return `it cannot be of before ${utcFromMillis(notAfter)} and after ${utcFromMillis(notBefore)}`;
  return undefined;
}
