import { logEntryBytes, logLeaf } from "../contract/log-entry.ts";
import type { Digest } from "../format/digest.ts";
import { rootOf, sameHash, type TreeHash } from "../format/merkle.ts";
import type { NoteKey } from "../format/signed-note.ts";
import { entriesPath, TILE_WIDTH, tileBytes, tilePath, tilesBetween } from "../format/tile.ts";
import type { LogFolder } from "../ledger/log-folder.ts";
import { CHECKPOINT_FILE, entryBundle, readCheckpoint } from "../ledger/make-checkpoint.ts";
import { type ReadNodes, rootAt } from "../ledger/tree-proof.ts";
import type { Lane } from "./lane.ts";
import { StoreError } from "./store-error.ts";

/** What an audit of the log looked at, and what is wrong. */
export interface LogAudit {
  readonly origin: string;
  /** Entries, each compared with its receipt. */
  readonly entries: number;
  /** Receipts that wait for the next checkpoint. */
  readonly pending: number;
  /** Heads that were ever committed, each compared with the tree. */
  readonly heads: number;
  /** Files of the log, each compared with the tree. */
  readonly files: number;
  readonly artifacts: number;
  readonly artifactBytes: number;
  readonly faults: readonly string[];
}

export interface AuditOptions {
  readonly key: NoteKey;
  readonly folders: readonly LogFolder[];
  /** Signed checkpoints from elsewhere, with what they are called in messages. */
  readonly against?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

const MAX_FAULTS = 100;

/**
 * Reads every entry and its receipt, every artifact byte, and every file of the log again, builds the tree from the
 * entries alone and compares it with every head that was committed, published or is given. Changes nothing.
 *
 * @throws StoreError when the ledger cannot be read at all.
 */
export async function auditLog(lane: Lane, { key, folders, against = [] }: AuditOptions): Promise<LogAudit> {
  const faults: string[] = [];
  const fault = (line: string): void => {
    if (faults.length < MAX_FAULTS) faults.push(line);
    else if (faults.length === MAX_FAULTS) faults.push("and more");
  };
  for (const line of lane.store.checkIntegrity()) fault(line);
  const { log } = lane.store;
  const size = log.size();
  const tree = rebuild(lane, size, fault);
  const heads = log.heads(key.name);
  for (const head of heads) {
    if (head.size > size)
      fault(`a head of ${head.size} entries was committed, there are ${size}: the log was cut off`);
    else if (!sameHash(rootAt(head.size, tree), head.root))
      fault(`the head of ${head.size} entries is of another history`);
  }
  let files = 0;
  for (const folder of folders) files += await auditFolder(folder, key, size, tree, lane, fault);
  for (const { name, bytes } of against) await compare(name, bytes, key, size, tree, fault);
  const artifacts = await auditArtifacts(lane, fault);
  return {
    origin: key.name,
    entries: size,
    pending: log.pending(),
    heads: heads.length,
    files,
    ...artifacts,
    faults,
  };
}

/** The tree of the entries alone: nodes above the leaves are made again and kept, leaves are read when asked for. */
function rebuild(lane: Lane, size: number, fault: (line: string) => void): ReadNodes {
  const { store } = lane;
  const levels: TreeHash[][] = [];
  for (let from = 0; from < size; from += TILE_WIDTH) {
    const entries = store.log.entries(from, Math.min(size, from + TILE_WIDTH));
    for (const [i, entry] of entries.entries()) {
      const receipt = readSafely(() => store.receipt(entry.receipt));
      if (receipt === undefined || receipt.stream !== entry.stream || receipt.seq !== entry.seq)
        fault(`entry ${from + i}: receipt ${entry.seq} of \`${entry.stream}\` is missing or damaged`);
    }
    if (entries.length === TILE_WIDTH) addNode(levels, 0, rootOf(entries.map(logLeaf)));
  }
  for (const [above, hashes] of levels.entries())
    for (const [n, hash] of hashes.entries()) {
      const kept = readSafely(() => store.log.nodes(above + 1, n, n + 1)[0]);
      if (kept === undefined || !sameHash(kept, hash))
        fault(`node ${n} of level ${above + 1} is not that of its entries`);
    }
  return (level, from, to) =>
    level === 0 ? store.log.entries(from, to).map(logLeaf) : (levels[level - 1]?.slice(from, to) ?? []);
}

function addNode(levels: TreeHash[][], above: number, hash: TreeHash): void {
  const nodes = levels[above] ?? [];
  levels[above] = nodes;
  nodes.push(hash);
  if (nodes.length % TILE_WIDTH === 0) addNode(levels, above + 1, rootOf(nodes.slice(-TILE_WIDTH)));
}

/** Every file that the folder's checkpoint asks for is there, byte for byte. */
async function auditFolder(
  folder: LogFolder,
  key: NoteKey,
  size: number,
  tree: ReadNodes,
  { store }: Lane,
  fault: (line: string) => void,
): Promise<number> {
  const bytes = await folder.read(CHECKPOINT_FILE);
  if (bytes === undefined) {
    if (size > 0) fault(`${folder.name} has no checkpoint`);
    return 0;
  }
  const published = await compare(`the checkpoint in ${folder.name}`, bytes, key, size, tree, fault);
  let files = 1;
  for (const { level, n, width } of published === undefined ? [] : tilesBetween(0, published)) {
    const start = n * TILE_WIDTH;
    const wanted = new Map([
      [tilePath({ level, n, width }), tileBytes(tree(level, start, start + width)) as Uint8Array],
    ]);
    if (level === 0)
      wanted.set(
        entriesPath(n, width),
        entryBundle(store.log.entries(start, start + width).map(logEntryBytes)),
      );
    for (const [path, expected] of wanted) {
      files += 1;
      const found = await folder.read(path);
      if (found === undefined) fault(`${folder.name} lacks \`${path}\``);
      else if (Buffer.compare(found, expected) !== 0)
        fault(`\`${path}\` in ${folder.name} is not that of the log`);
    }
  }
  return files;
}

/** Compares a signed checkpoint with the tree. @returns its size where the tree continues it. */
async function compare(
  name: string,
  bytes: Uint8Array,
  key: NoteKey,
  size: number,
  tree: ReadNodes,
  fault: (line: string) => void,
): Promise<number | undefined> {
  const read = await readCheckpoint(bytes, key);
  if (read === undefined) fault(`${name} is not signed by the log \`${key.name}\``);
  else if (read.size > size)
    fault(`${name} has ${read.size} entries, the ledger has ${size}: its log was cut off, or it is older`);
  else if (!sameHash(rootAt(read.size, tree), read.root))
    fault(`${name} is of another history at ${read.size} entries: the log was rewritten`);
  else return read.size;
  return undefined;
}

async function auditArtifacts(
  { store, files }: Lane,
  fault: (line: string) => void,
): Promise<{ artifacts: number; artifactBytes: number }> {
  let artifacts = 0;
  let artifactBytes = 0;
  for (const { run } of store.runs()) {
    for (const { artifact } of store.artifacts(run)) {
      // Its receipt is in the log; its bytes are gone by right.
      if (store.retired(artifact.id)) continue;
      artifacts += 1;
      const digest = artifact.digest as Digest;
      try {
        const inline = store.blob(digest);
        let read = inline?.length ?? 0;
        if (inline === undefined) for await (const chunk of files.read(digest)) read += chunk.length;
        if (read !== artifact.size)
          fault(`artifact \`${artifact.id}\` has ${read} bytes, not ${artifact.size}`);
        artifactBytes += read;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        fault(`artifact \`${artifact.id}\`: ${error.message}`);
      }
    }
  }
  return { artifacts, artifactBytes };
}

/** A damaged row is one fault of the audit, not its end. */
function readSafely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreError && error.code === "STORE_CORRUPT") return undefined;
    throw error;
  }
}
