import { type LogIndex, logIndexSchema } from "../contract/log-entry.ts";
import {
  LOG_CHECKPOINT_PATH,
  LOG_FOLDER,
  LOG_INDEX_PATH,
  LOG_LOWER_FOLDER,
} from "../contract/proof-bundle.ts";
import { type Checkpoint, parseCheckpoint } from "../format/checkpoint.ts";
import { FormatError } from "../format/coded-error.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import type { TreeHash } from "../format/merkle.ts";
import { parseSignedNote, type SignedNote } from "../format/signed-note.ts";
import { hashesOf, parseTilePath, type Tile, tileAt, tilePath } from "../format/tile.ts";
import type { Bundle } from "./bundle.ts";
import { documentFaults, parseDocument, placed } from "./check-document.ts";
import type { Findings } from "./layer.ts";

/** A signed checkpoint that was read: nothing of it is believed yet. */
export interface ReadCheckpoint {
  readonly note: SignedNote;
  readonly checkpoint: Checkpoint;
  readonly path: string;
}

/** A tile of the checkpoint's tree, with its hashes. */
export interface ReadTile extends Tile {
  readonly path: string;
  readonly hashes: readonly TreeHash[];
}

/** The log's files of a bundle, each in its form. */
export interface LogFiles {
  readonly head: ReadCheckpoint | undefined;
  readonly index: LogIndex | undefined;
  /** By `tilePath`, without the folder. */
  readonly tiles: ReadonlyMap<string, ReadTile>;
  /** By the digest that receipts name. */
  readonly lower: ReadonlyMap<Digest, ReadCheckpoint>;
}

const LOWER = /^log\/lower\/([0-9a-f]{64})$/;

/** Whether a bundle has a log: files of one, or a claim that names its head. */
export function hasLog({ listed, claim }: Bundle): boolean {
  return (
    (claim !== undefined && claim.predicate.checkpoint !== null) ||
    [...listed.keys()].some((path) => path.startsWith(LOG_FOLDER))
  );
}

/** Reads the log's files. What is absent or does not have its form is a failure of the layer. */
export async function readLogFiles(bundle: Bundle, findings: Findings): Promise<LogFiles> {
  const paths = [...bundle.listed.keys()].filter((path) => path.startsWith(LOG_FOLDER));
  for (const path of [LOG_CHECKPOINT_PATH, LOG_INDEX_PATH])
    if (!bundle.listed.has(path)) findings.fail("FAILURE_COMPLETENESS", "the file is absent", { path });
  const head = await readCheckpoint(bundle, LOG_CHECKPOINT_PATH, findings);
  if (head?.checkpoint.size === 0)
    malformed(findings, LOG_CHECKPOINT_PATH, "the checkpoint is of an empty log");
  const tiles = new Map<string, ReadTile>();
  const lower = new Map<Digest, ReadCheckpoint>();
  const named = new Set(bundle.receipts.map(({ predicate }) => predicate.time.lowerBound));
  let unnamed = 0;
  for (const path of paths) {
    const [, hex] = LOWER.exec(path) ?? [];
    const tile = parseTilePath(path.slice(LOG_FOLDER.length));
    if (hex !== undefined && !named.has(`sha256:${hex}`)) unnamed += 1;
    else if (hex !== undefined) {
      const read = await readLower(bundle, path, `sha256:${hex}`, findings);
      if (read !== undefined) lower.set(`sha256:${hex}`, read);
    } else if (tile !== undefined) {
      const hashes = await readTile(bundle, path, tile, head?.checkpoint.size, findings);
      if (hashes !== undefined) tiles.set(tilePath(tile), { ...tile, path, hashes });
    } else if (path !== LOG_CHECKPOINT_PATH && path !== LOG_INDEX_PATH) {
      malformed(findings, path, "the log has no file of this name");
    }
  }
  if (unnamed > 0)
    findings.note(`checkpoints under \`${LOG_LOWER_FOLDER}\` that no receipt names, not read: ${unnamed}`);
  return { head, index: await readIndex(bundle, findings), tiles, lower };
}

async function readCheckpoint(
  bundle: Bundle,
  path: string,
  findings: Findings,
): Promise<ReadCheckpoint | undefined> {
  const bytes = await bytesAt(bundle, path, findings);
  if (bytes === undefined) return undefined;
  try {
    const note = parseSignedNote(bytes);
    return { note, checkpoint: parseCheckpoint(note.text), path };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    malformed(findings, path, error.message);
    return undefined;
  }
}

async function readLower(
  bundle: Bundle,
  path: string,
  named: Digest,
  findings: Findings,
): Promise<ReadCheckpoint | undefined> {
  const bytes = await bytesAt(bundle, path, findings);
  if (bytes === undefined || digestOf(bytes) === named) return readCheckpoint(bundle, path, findings);
  findings.fail("FAILURE_HASH_MISMATCH", "the file is not what its name says", { path });
  return undefined;
}

async function readTile(
  bundle: Bundle,
  path: string,
  { level, n, width }: Tile,
  size: number | undefined,
  findings: Findings,
): Promise<readonly TreeHash[] | undefined> {
  // Without a checkpoint nothing says which tiles there are.
  if (size === undefined) return undefined;
  if (tileAt(level, n, size)?.width !== width) {
    malformed(findings, path, `a tree of ${size} entries has no such tile`);
    return undefined;
  }
  const bytes = await bytesAt(bundle, path, findings);
  if (bytes === undefined) return undefined;
  const hashes = bytes.length === 32 * width ? hashesOf(bytes) : undefined;
  if (hashes === undefined) malformed(findings, path, `the tile is not ${width} hashes`);
  return hashes;
}

async function readIndex(bundle: Bundle, findings: Findings): Promise<LogIndex | undefined> {
  const path = LOG_INDEX_PATH;
  if (!bundle.listed.has(path)) return undefined;
  const bytes = await bytesAt(bundle, path, findings);
  if (bytes === undefined) return undefined;
  const parsed = parseDocument(bytes);
  const faults = "fault" in parsed ? [parsed.fault] : documentFaults(logIndexSchema, parsed.value);
  if ("value" in parsed && faults.length === 0) return parsed.value as unknown as LogIndex;
  findings.failAll(placed(faults, { path }));
  return undefined;
}

/** A file's bytes. One that is there and cannot be read would excuse whatever it should show. */
async function bytesAt(bundle: Bundle, path: string, findings: Findings): Promise<Uint8Array | undefined> {
  const bytes = await bundle.bytes(path);
  if (bytes === undefined && bundle.listed.has(path))
    malformed(findings, path, "the file is too large, or changed while it was read");
  return bytes;
}

function malformed(findings: Findings, path: string, message: string): void {
  findings.fail("FAILURE_BUNDLE_MALFORMED", message, { path });
}

/** Path of the checkpoint that a receipt names as its lower bound of time. */
export function lowerPath(digest: string): string {
  return `${LOG_LOWER_FOLDER}${digest.slice("sha256:".length)}`;
}
