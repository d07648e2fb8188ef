import { type LogIndex, logLeaf } from "../contract/log-entry.ts";
import { CLAIM_PATH, LOG_INDEX_PATH } from "../contract/proof-bundle.ts";
import { toBase64 } from "../format/base64.ts";
import type { Digest } from "../format/digest.ts";
import { sameHash } from "../format/merkle.ts";
import { isSignedBy } from "../format/signed-note.ts";
import { type Tile, tilesAbove, tilesOfSize } from "../format/tile.ts";
import { millisOf } from "../format/time.ts";
import { checkAbsent } from "./absent-layers.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { Findings, type LayerResult } from "./layer.ts";
import { hasLog, type LogFiles, lowerPath, type ReadCheckpoint, readLogFiles } from "./log-files.ts";
import { checkLineage, type Lineage, readLogKey } from "./log-lineage.ts";
import { checkTree, type LogTree } from "./log-tree.ts";
import { checkPreviousLogs } from "./previous-logs.ts";
import type { Receipt } from "./read-receipts.ts";
import { checkWitnesses, countWitnesses } from "./witnesses.ts";

/** What the log shows. */
export interface LogResult {
  readonly layer: LayerResult;
  /** Whether a receipt is in the log, under a checkpoint with which nothing is wrong. */
  isLogged(receipt: Digest): boolean;
  /** By when, in milliseconds since the epoch, witnesses whom the reviewer trusts had seen all of the bundle's receipts. */
  readonly cosignedAt: number | undefined;
  /** After when a receipt was made, by the witnessed checkpoint that it names itself. */
  lowerAt(receipt: Receipt): number | undefined;
}

/** Layer 6: every receipt is in the log, under one checkpoint of the log that workspace, runs and reviewer mean (`spec/log.md`). */
export async function checkLog(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
): Promise<LogResult> {
  if (!hasLog(bundle)) {
    const layer = checkAbsent("log", bundle, runs, anchor);
    return { layer, isLogged: () => false, cosignedAt: undefined, lowerAt: () => undefined };
  }
  const findings = new Findings("log");
  const files = await readLogFiles(bundle, findings);
  checkClaim(bundle, files, findings);
  const lineage = await checkLineage(bundle, runs, files, findings);
  const included = new Set<Digest>();
  const lower = new Map<Digest, number>();
  let cosignedAt: number | undefined;
  let isTrusted = false;
  if (files.head !== undefined && files.head.checkpoint.size > 0) {
    const { head } = files;
    const tree = checkTree(
      head.checkpoint,
      files.tiles,
      tilesNeeded(bundle, files, head.checkpoint.size),
      findings,
    );
    checkReceipts(bundle, files.index, tree, included, findings);
    await checkLowerBounds(bundle, files, lineage, tree, findings);
    cosignedAt = (await checkWitnesses(findings, head.note, anchor, head.path)).reachedAt;
    const { origin } = head.checkpoint;
    checkPreviousLogs(lineage.started, files.lower.values(), origin, anchor, findings, head.path);
    isTrusted = await checkTrusted(bundle, head, tree, anchor, findings);
    checkCompromised(lineage, cosignedAt, anchor, findings);
    for (const [digest, { note, path }] of files.lower) {
      const { lastReachedAt, failed } = await countWitnesses(note, anchor);
      for (const name of failed) {
        const message = `the cosignature of witness \`${name}\` does not verify`;
        findings.contradict("FAILURE_WITNESS_INVALID", message, { path });
      }
      if (lastReachedAt !== undefined) lower.set(digest, lastReachedAt);
    }
  }
  const layer = findings.end({ anchored: isTrusted ? "established" : "untested" });
  const holds = layer.internal === "ok" && layer.failures.length === 0;
  return {
    layer,
    isLogged: (receipt) => holds && included.has(receipt),
    cosignedAt: holds ? cosignedAt : undefined,
    lowerAt: ({ predicate }) => (holds ? lower.get(predicate.time.lowerBound as Digest) : undefined),
  };
}

function checkClaim({ claim }: Bundle, { head }: LogFiles, findings: Findings): void {
  if (claim === undefined || head === undefined) return;
  const { origin, size, root } = head.checkpoint;
  const claimed = claim.predicate.checkpoint;
  if (claimed?.origin === origin && claimed.size === size && claimed.root === toBase64(root)) return;
  findings.fail("FAILURE_DIGEST_MISMATCH", "the claim names another checkpoint", { path: CLAIM_PATH });
}

/** The tiles that must be there: above each receipt, and those of the sizes that receipts name. */
function tilesNeeded({ streams }: Bundle, { index, head, lower }: LogFiles, size: number): Tile[] {
  const leaves = new Map<number, number>();
  for (const [stream, indexes] of Object.entries(index?.streams ?? {})) {
    const receipts = streams.get(stream);
    if (receipts === undefined) continue;
    // One chain for each level-0 tile. More indexes than receipts are a failure, and cost nothing further.
    for (const at of indexes.slice(0, receipts.length)) if (at < size) leaves.set(Math.floor(at / 256), at);
  }
  const sizes = [...lower.values()].flatMap(({ checkpoint }) =>
    checkpoint.origin === head?.checkpoint.origin && checkpoint.size <= size ? [checkpoint.size] : [],
  );
  return [
    ...[...leaves.values()].flatMap((at) => tilesAbove(at, size)),
    ...sizes.flatMap((smaller) => tilesOfSize(smaller, size)),
  ];
}

/** Every receipt's leaf, made again from the receipt, is the one at its index. */
function checkReceipts(
  { streams }: Bundle,
  index: LogIndex | undefined,
  tree: LogTree,
  included: Set<Digest>,
  findings: Findings,
): void {
  if (index === undefined) return;
  const fail = (message: string, at: object): void => findings.fail("FAILURE_INCLUSION_INVALID", message, at);
  for (const stream of Object.keys(index.streams))
    if (!streams.has(stream))
      fail(`the index has the stream \`${stream}\`, the bundle has not`, { path: LOG_INDEX_PATH });
  for (const [stream, receipts] of streams) {
    const indexes = Object.hasOwn(index.streams, stream) ? (index.streams[stream] ?? []) : [];
    if (indexes.length !== receipts.length) {
      fail(`the log has ${indexes.length} of the ${receipts.length} receipts in \`${stream}\``, {
        path: LOG_INDEX_PATH,
      });
    }
    for (const [i, at] of indexes.entries()) {
      const receipt = receipts[i];
      if (receipt === undefined) break;
      const { digest, predicate } = receipt;
      if (at >= tree.size || at <= (indexes[i - 1] ?? -1)) {
        fail("the receipt's index is not one", { receipt: digest });
        continue;
      }
      const leaf = tree.leaf(at);
      if (leaf === undefined) continue;
      if (sameHash(leaf, logLeaf({ receipt: digest, stream, seq: predicate.ledger.seq })))
        included.add(digest);
      else fail(`the receipt is not the entry ${at} of the log`, { receipt: digest });
    }
  }
}

/** The checkpoints that receipts name are earlier heads of the same log. */
async function checkLowerBounds(
  { receipts, listed }: Bundle,
  { lower, head, index }: LogFiles,
  { started, key }: Lineage,
  tree: LogTree,
  findings: Findings,
): Promise<void> {
  for (const receipt of receipts) {
    const named = receipt.predicate.time.lowerBound;
    if (named === undefined) continue;
    const path = lowerPath(named);
    if (!listed.has(path))
      findings.fail("FAILURE_COMPLETENESS", "the checkpoint that the receipt names is absent", {
        receipt: receipt.digest,
      });
    const size = sizeOf(lower.get(named as Digest), head?.checkpoint.origin);
    const { stream, seq } = receipt.predicate.ledger;
    const at = index?.streams[stream]?.[seq];
    if (size !== undefined && at !== undefined && at < size)
      findings.fail("FAILURE_INCLUSION_INVALID", "the receipt is older than the checkpoint that it names", {
        receipt: receipt.digest,
      });
  }
  for (const { note, checkpoint, path } of lower.values()) {
    const fail = (message: string): void =>
      findings.fail("FAILURE_WITNESS_LINEAGE_MISMATCH", message, { path });
    const { origin, size, root } = checkpoint;
    if (origin !== head?.checkpoint.origin) {
      const of = started.find((log) => log.origin === origin);
      const theirs = of === undefined ? undefined : readLogKey(of.key);
      const isNamed = of !== undefined || started.some(({ previous }) => previous?.origin === origin);
      if (!isNamed) fail(`the checkpoint is of the log \`${origin}\`, which the workspace does not name`);
      else if (theirs !== undefined && !(await isSignedBy(note, theirs)))
        fail("the checkpoint is not signed by its log's key");
      continue;
    }
    const computed = tree.rootAt(size);
    if (key !== undefined && !(await isSignedBy(note, key)))
      fail("the checkpoint is not signed by the log's key");
    else if (size > tree.size) fail(`it has ${size} entries, and the log has shrunk to ${tree.size}`);
    else if (computed !== undefined && !sameHash(computed, root))
      fail(`the log has another history than this checkpoint of ${size} entries`);
  }
}

function sizeOf(read: ReadCheckpoint | undefined, origin: string | undefined): number | undefined {
  return read?.checkpoint.origin === origin ? read?.checkpoint.size : undefined;
}

/** Compares with the logs of the trust file; true when origin, key and pinned checkpoint are as the reviewer knows them. */
async function checkTrusted(
  { claim }: Bundle,
  { note, checkpoint, path }: ReadCheckpoint,
  tree: LogTree,
  anchor: Anchor,
  findings: Findings,
): Promise<boolean> {
  const { origin, size } = checkpoint;
  const contradict = (message: string): void =>
    findings.contradict("FAILURE_WITNESS_LINEAGE_MISMATCH", message, { path });
  const listed = anchor.logs.filter(({ key }) => key.name === origin);
  if (listed.length === 0) {
    if (anchor.logs.length > 0 || anchor.require.has("log"))
      findings.untested(`the log \`${origin}\` is not one of the trust file's logs`);
    else findings.note(`the trust file does not say whether \`${origin}\` is the log that it should be`);
    return false;
  }
  const exportedAt = claim?.predicate.exportedAt;
  const inForce = listed.filter((log) => exportedAt === undefined || isValidAt(log, exportedAt));
  const signers = await Promise.all(inForce.map(({ key }) => isSignedBy(note, key)));
  const trusted = inForce.find((_, i) => signers[i]);
  if (trusted === undefined) {
    contradict(`the checkpoint is not signed by the key that the trust file has for \`${origin}\``);
    return false;
  }
  // A head that was seen under a key that has ended, or beside another entry of the key, is a head of this origin as well.
  const pins = listed.flatMap(({ checkpoint: pin }) => (pin === undefined ? [] : [pin]));
  return pins.map((pin) => comparePin(pin, origin, size, tree, findings, contradict)).every(Boolean);
}

/** Who has the log's key signs any tree, unless a quorum of witnesses saw this one before. */
function checkCompromised(
  { key }: Lineage,
  cosignedAt: number | undefined,
  { compromised }: Anchor,
  findings: Findings,
): void {
  const isOpen = compromised.some(({ keyId, since }) => {
    const from = millisOf(since) ?? Number.NEGATIVE_INFINITY;
    return keyId === key?.key.keyId && !(cosignedAt !== undefined && cosignedAt < from);
  });
  if (isOpen)
    findings.untested(
      "the log's key is one that the trust file says is compromised, and no quorum of witnesses cosigned the checkpoint before",
    );
}

/** Whether the log goes on from a head that the reviewer has seen. */
function comparePin(
  pin: NonNullable<Anchor["logs"][number]["checkpoint"]>,
  origin: string,
  size: number,
  tree: LogTree,
  findings: Findings,
  contradict: (message: string) => void,
): boolean {
  const known = pin.size > size ? undefined : tree.rootAt(pin.size);
  if (pin.size > size) {
    findings.untested(
      `the trust file pins ${pin.size} entries of \`${origin}\`, the bundle's checkpoint has ${size}: it was exported before, or the log has shrunk; ask for a newer export`,
    );
  } else if (known === undefined) {
    findings.untested(
      `the bundle's tiles do not show whether the log continues the ${pin.size} entries that the trust file pins: ask for one exported with \`--comparable-with ${pin.size}\``,
    );
  } else if (!sameHash(known, pin.root)) {
    contradict(`the log has another history than the one that the trust file pins at ${pin.size} entries`);
  } else return true;
  return false;
}
