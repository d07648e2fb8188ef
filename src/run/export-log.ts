import type { LogIndex } from "../contract/log-entry.ts";
import {
  type BundleClaim,
  LOG_CHECKPOINT_PATH,
  LOG_FOLDER,
  LOG_INDEX_PATH,
  LOG_LOWER_FOLDER,
} from "../contract/proof-bundle.ts";
import { toBase64 } from "../format/base64.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { parseCheckpoint } from "../format/checkpoint.ts";
import { type Digest, hexOf } from "../format/digest.ts";
import { parseSignedNote } from "../format/signed-note.ts";
import {
  partialTiles,
  TILE_WIDTH,
  type Tile,
  tileBytes,
  tilePath,
  tilesAbove,
  tilesOfSize,
} from "../format/tile.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";
import type { StoredReceipt } from "./store.ts";

/** The log's part of a proof bundle. */
export interface BundleLog {
  readonly checkpoint: NonNullable<BundleClaim["checkpoint"]>;
  /** Path in the bundle → bytes. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Logs what is pending and collects what shows that every receipt of a bundle is in the log (`spec/log.md`).
 *
 * @param receipts of the bundle: whole streams.
 * @param sizes further sizes whose root the bundle's tiles shall give.
 * @returns undefined when the workspace has no log and no run promised one.
 * @throws RunError `LOG_PROMISED`; LogError as `LaneLog.checkpoint`.
 */
export async function exportLog(
  lane: Lane,
  runs: readonly string[],
  receipts: readonly StoredReceipt[],
  sizes: readonly number[],
): Promise<BundleLog | undefined> {
  const promised = runs.find((run) => lane.states.load(run).document.requiredLayers.includes("log"));
  const { log } = lane;
  if (log === undefined) {
    if (promised === undefined) return undefined;
    throw new RunError({
      code: "LOG_PROMISED",
      message: `run \`${promised}\` promised a log, and the workspace has none now`,
      hint: "put `log` back into witnessops.yaml",
    });
  }
  if (log.refusal !== undefined && promised === undefined) return undefined;
  const signed = await log.checkpoint();
  if (signed === undefined) return undefined;
  const files = new Map<string, Uint8Array>([[LOG_CHECKPOINT_PATH, signed.bytes]]);
  const tiles = new Map<string, Tile>();
  const need = (more: readonly Tile[]): void => {
    for (const tile of more) tiles.set(tilePath(tile), tile);
  };
  need(partialTiles(signed.size));
  const index: LogIndex = { schema: "witnessops/log-index/v1", origin: log.key.name, streams: {} };
  for (const [stream, theirs] of Map.groupBy(receipts, (receipt) => receipt.stream)) {
    const indexes = lane.store.log.indexes(stream).slice(0, theirs.length);
    index.streams[stream] = indexes;
    for (const at of indexes) need(tilesAbove(at, signed.size));
  }
  files.set(LOG_INDEX_PATH, canonicalBytes(index));
  for (const { digest, bytes, size } of lowerBounds(lane, receipts, log.key.name)) {
    files.set(`${LOG_LOWER_FOLDER}${hexOf(digest)}`, bytes);
    if (size !== undefined) need(tilesOfSize(size, signed.size));
  }
  for (const size of sizes) if (size <= signed.size) need(tilesOfSize(size, signed.size));
  for (const [path, tile] of tiles) {
    const start = tile.n * TILE_WIDTH;
    const hashes = lane.store.log.nodes(tile.level, start, start + tile.width);
    files.set(`${LOG_FOLDER}${path}`, tileBytes(hashes));
  }
  const checkpoint = { origin: log.key.name, size: signed.size, root: toBase64(signed.root) };
  return { checkpoint, files };
}

/** The signed checkpoints that receipts name as their lower bound of time; the size where it is of this log. */
function lowerBounds(
  lane: Lane,
  receipts: readonly StoredReceipt[],
  origin: string,
): { digest: Digest; bytes: Uint8Array; size: number | undefined }[] {
  const named = new Set(
    receipts
      .filter(({ event }) => event === "run-opened")
      .flatMap(({ payload }) => readReceipt(payload).predicate.time.lowerBound ?? []),
  );
  return [...named].flatMap((name) => {
    const digest = name as Digest;
    const bytes = lane.store.document(digest);
    if (bytes === undefined)
      throw new RunError({
        code: "PINNED_MISSING",
        message: `the ledger lacks the checkpoint \`${digest}\` that a receipt names`,
        hint: "run `witnessops doctor` and keep the ledger file",
      });
    const checkpoint = parseCheckpoint(parseSignedNote(bytes).text);
    return [{ digest, bytes, size: checkpoint.origin === origin ? checkpoint.size : undefined }];
  });
}
