import { logEntryBytes } from "../contract/log-entry.ts";
import { type Checkpoint, checkpointText, parseCheckpoint } from "../format/checkpoint.ts";
import { FormatError } from "../format/coded-error.ts";
import { sameHash } from "../format/merkle.ts";
import { isSignedBy, type NoteKey, parseSignedNote, signedNoteBytes } from "../format/signed-note.ts";
import type { Signer } from "../format/signer.ts";
import {
  entriesPath,
  nodesAt,
  TILE_WIDTH,
  type Tile,
  tileBytes,
  tilePath,
  tilesBetween,
} from "../format/tile.ts";
import { LogError } from "./log-error.ts";
import type { LogFolder } from "./log-folder.ts";
import type { LogLease, LogStore, TreeHead } from "./log-store.ts";
import { proveConsistency, rootAt } from "./tree-proof.ts";
import type { Cosigned, LineageError, Witnesses } from "./witnesses.ts";

/** File of the newest signed checkpoint (C2SP tlog-tiles). */
export const CHECKPOINT_FILE = "checkpoint";
/** Most receipts that share one transaction: some tens of milliseconds in which nobody else writes. */
const MAX_BATCH = 4096;
/** Most tiles that are written at a time; memory stays flat. */
const MAX_TILES = 64;

/** A log that this process may make checkpoints of, while it holds the lease. */
export interface Log {
  readonly key: NoteKey;
  readonly signer: Signer;
  readonly store: LogStore;
  /** Where it is published: each gets the same files. */
  readonly folders: readonly LogFolder[];
  /** Who cosigns its checkpoints before they are published; default: nobody. */
  readonly witnesses?: Witnesses;
}

/** A checkpoint with its signed bytes. */
export interface SignedHead extends TreeHead {
  readonly bytes: Uint8Array;
  /** The witnesses that did not cosign it this time, and why. */
  readonly missing: Cosigned["missing"];
}

/**
 * Integrates every receipt, signs the root and publishes tiles, entries and then the checkpoint (`spec/log.md`). The
 * root is committed as the only one of its size before anything is signed, and what is published already is compared
 * first: so neither a crash at any point nor a restored or copied workspace signs a second tree. After a crash the
 * next call goes on from what is there.
 *
 * @param refusal what a witness held against the log before: nothing is published until that witness cosigns.
 * @returns the signed head; undefined when there is nothing to log, or the lease went to another process.
 * @throws LogError `LOG_RESTORED`, `LOG_FORKED`, `LOG_OF_ANOTHER`, `LOG_BUSY`, `LOG_FOLDER`; LineageError when a
 *   witness knows another history; StoreError.
 */
export async function makeCheckpoint(
  log: Log,
  lease: LogLease,
  refusal?: LineageError,
): Promise<SignedHead | undefined> {
  const unlock: (() => Promise<void>)[] = [];
  try {
    for (const folder of log.folders) unlock.push(await folder.lock());
    const published = new Map<LogFolder, number>();
    for (const folder of log.folders) published.set(folder, await comparePublished(log, folder));
    const head = await integrateAll(log, lease);
    if (head === undefined) return undefined;
    const { bytes, missing } = await signedBytes(log, head);
    if (refusal !== undefined && !isCosignedBy(bytes, refusal.witness)) throw refusal;
    for (const [folder, from] of published) {
      if (from < head.size) await publishTiles(log.store, folder, from, head.size);
      await publishCheckpoint(folder, bytes);
      if (from < head.size) await removePartials(folder, from, head.size);
    }
    return { ...head, bytes, missing };
  } finally {
    for (const release of unlock.reverse()) await release();
  }
}

/**
 * Compares what a folder has published with the ledger.
 *
 * @returns the size that is published there, 0 for nothing.
 * @throws LogError `LOG_RESTORED` when it is ahead, `LOG_FORKED` when it is of another history, `LOG_OF_ANOTHER`.
 */
export async function comparePublished(
  { key, store }: Pick<Log, "key" | "store">,
  folder: LogFolder,
): Promise<number> {
  const found = await publishedIn(folder, key);
  if (found === undefined) return 0;
  if (found.size > store.size())
    throw new LogError({
      code: "LOG_RESTORED",
      message: `${folder.name} has ${found.size} entries of the log \`${key.name}\`, this ledger has ${store.size()}: it is a backup or a copy`,
      hint: NEW_ORIGIN,
    });
  if (!sameHash(rootAt(found.size, store.nodes), found.root))
    throw new LogError({
      code: "LOG_FORKED",
      message: `${folder.name} has another history of the log \`${key.name}\` than this ledger, at ${found.size} entries`,
      hint: NEW_ORIGIN,
    });
  return found.size;
}

const NEW_ORIGIN =
  "keep both; then name a new `log.origin` and `log.publish` in witnessops.yaml and run `witnessops log checkpoint --new-origin`";

/** The checkpoint in a folder, by this log's key. @throws LogError `LOG_OF_ANOTHER` when it is of another log or of none. */
export async function publishedIn(folder: LogFolder, key: NoteKey): Promise<Checkpoint | undefined> {
  const bytes = await folder.read(CHECKPOINT_FILE);
  if (bytes === undefined) return undefined;
  const read = await readCheckpoint(bytes, key);
  if (read !== undefined) return read;
  throw new LogError({
    code: "LOG_OF_ANOTHER",
    message: `the checkpoint in ${folder.name} is not one that the log \`${key.name}\` signed`,
    hint: "name another folder in `log.publish`, or a new origin",
  });
}

/** A signed checkpoint of the log with this key; undefined when it is not one. */
export async function readCheckpoint(bytes: Uint8Array, key: NoteKey): Promise<Checkpoint | undefined> {
  try {
    const note = parseSignedNote(bytes);
    const checkpoint = parseCheckpoint(note.text);
    return checkpoint.origin === key.name && (await isSignedBy(note, key)) ? checkpoint : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

async function integrateAll({ key, store }: Log, lease: LogLease): Promise<TreeHead | undefined> {
  for (;;) {
    const done = await store.integrate(key.name, lease, MAX_BATCH);
    if (done === undefined || done.head.size === 0) return undefined;
    if (!done.more) return done.head;
  }
}

/**
 * The checkpoint as it was signed before, or signed now, and cosigned. One that too few cosigned is sent to the witnesses
 * again: before they have answered nobody knows whether the log may go on.
 */
async function signedBytes(
  log: Log,
  head: TreeHead,
): Promise<{ readonly bytes: Uint8Array; readonly missing: Cosigned["missing"] }> {
  const { key, store, witnesses } = log;
  const bytes = await ownBytes(log, head);
  if (witnesses === undefined || witnesses.isEnough(bytes)) return { bytes, missing: [] };
  const { note, enough, missing } = await witnesses.cosign({
    checkpoint: { origin: key.name, ...head },
    note: bytes,
    consistencyProof: (from, to) => proveConsistency(from, to, store.nodes),
    currentSize: () => store.size(),
  });
  await store.keepSigned(key.name, head.size, note, { cosigned: enough });
  return { bytes: note, missing };
}

function isCosignedBy(bytes: Uint8Array, witness: string): boolean {
  return parseSignedNote(bytes).signatures.some(({ name }) => name === witness);
}

/** The checkpoint with the log's own signature, which is kept before anybody else sees it. */
async function ownBytes({ key, signer, store }: Log, head: TreeHead): Promise<Uint8Array> {
  const kept = store.signed(key.name);
  const before = kept === undefined ? undefined : await readCheckpoint(kept, key);
  if (kept !== undefined && before?.size === head.size && sameHash(before.root, head.root)) return kept;
  const text = checkpointText({ origin: key.name, ...head });
  const signature = await signer.sign(new TextEncoder().encode(text));
  const bytes = signedNoteBytes({ text, signatures: [{ name: key.name, id: key.id, bytes: signature }] });
  await store.keepSigned(key.name, head.size, bytes);
  return bytes;
}

/** Writes the tiles and entries by which a tree of `size` differs from one of `from` entries. */
async function publishTiles(store: LogStore, folder: LogFolder, from: number, size: number): Promise<void> {
  const tiles = tilesBetween(from, size);
  for (let at = 0; at < tiles.length; at += MAX_TILES) {
    await folder.write(tiles.slice(at, at + MAX_TILES).flatMap((tile) => filesOf(store, tile)));
  }
}

function filesOf(store: LogStore, tile: Tile): { path: string; bytes: Uint8Array }[] {
  const start = tile.n * TILE_WIDTH;
  const hashes = store.nodes(tile.level, start, start + tile.width);
  const files = [{ path: tilePath(tile), bytes: tileBytes(hashes) as Uint8Array }];
  if (tile.level > 0) return files;
  const bytes = entryBundle(store.entries(start, start + tile.width).map(logEntryBytes));
  return [...files, { path: entriesPath(tile.n, tile.width), bytes }];
}

/** Entries as C2SP tlog-tiles serves them: each after its length as a big-endian 16-bit number. */
export function entryBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, { length }) => sum + 2 + length, 0));
  let at = 0;
  for (const entry of entries) {
    bytes[at] = entry.length >> 8;
    bytes[at + 1] = entry.length & 0xff;
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bytes;
}

async function publishCheckpoint(folder: LogFolder, bytes: Uint8Array): Promise<void> {
  const before = await folder.read(CHECKPOINT_FILE);
  if (before?.length === bytes.length && before.every((byte, i) => byte === bytes[i])) return;
  await folder.write([{ path: CHECKPOINT_FILE, bytes }]);
}

/** Partial tiles that became full are served by the full ones (C2SP tlog-tiles). */
async function removePartials(folder: LogFolder, from: number, size: number): Promise<void> {
  for (const tile of tilesBetween(from, size)) {
    const wasPartial = tile.n * TILE_WIDTH < nodesAt(tile.level, from);
    if (tile.width < TILE_WIDTH || !wasPartial) continue;
    await folder.remove(`${tilePath(tile)}.p`);
    if (tile.level === 0) await folder.remove(`${entriesPath(tile.n, TILE_WIDTH)}.p`);
  }
}
