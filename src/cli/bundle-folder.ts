import type { Stats } from "node:fs";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { ByteSource } from "../format/byte-source.ts";
import { FormatError } from "../format/coded-error.ts";
import { type BundleFile, type BundleSource, defaultLimits } from "../verifier/index.ts";

const CHUNK = 1 << 20;
/** After how many reads others get their turn: what waits for signatures, or for the user. */
const TURN = 16;
/** Deeper than any path of a bundle, which has 256 characters at most. */
const MAX_DEPTH = 128;

/**
 * A proof bundle in a folder. Opens regular files only: a link, a device or a pipe anywhere in it makes the
 * bundle malformed. Bounded by the verifier's limits.
 */
export function folderBundle(folder: string): BundleSource {
  const root = resolve(folder);
  return {
    list: async () => listFolder(root),
    read: (path) => readWhole(join(root, ...path.split("/"))),
  };
}

/** A file as a byte source: for a bundle in one tar. The caller closes it. */
export function fileSource(path: string): ByteSource & { close(): void } {
  const file = openSync(path, constants.O_RDONLY);
  const { size } = fstatSync(file);
  return { size, read: (start, end) => readRange(file, start, end), close: () => closeSync(file) };
}

/** Whether a path lies inside a folder, or is it, by whatever name: links are followed as far as there is something. */
export function isInside(folder: string, path: string): boolean {
  const root = realPath(folder);
  const real = realPath(path);
  return real === root || real.startsWith(root + sep);
}

function realPath(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const parent = dirname(absolute);
  return parent === absolute ? absolute : join(realPath(parent), basename(absolute));
}

function listFolder(root: string): BundleFile[] {
  const files: BundleFile[] = [];
  const visit = (folder: string, prefix: string, depth: number): void => {
    if (depth > MAX_DEPTH) throw malformed(`\`${prefix}\` is nested too deep`);
    for (const name of readdirSync(folder).sort()) {
      const path = prefix + name;
      const stats = lstatSync(join(folder, name));
      if (stats.isDirectory()) visit(join(folder, name), `${path}/`, depth + 1);
      else files.push({ path, size: sizeOf(stats, path) });
      if (files.length > defaultLimits.maxFiles) throw malformed("there are too many files");
    }
  };
  visit(root, "", 0);
  return files;
}

function sizeOf(stats: Stats, path: string): number {
  if (!stats.isFile()) throw malformed(`\`${path.slice(0, 300)}\` is not a regular file`);
  return stats.size;
}

async function* readWhole(path: string): AsyncGenerator<Uint8Array> {
  // A file swapped for a link after it was listed is not followed.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    yield* readRange(file, 0, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

let reads = 0;

/** Reads at once: a bundle has thousands of small files, and for each a thread would cost many times the reading. */
async function* readRange(file: number, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end; ) {
    reads += 1;
    if (reads % TURN === 0) await othersTurn();
    const buffer = new Uint8Array(Math.min(CHUNK, end - position));
    const count = readSync(file, buffer, 0, buffer.length, position);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

function malformed(message: string): FormatError {
  return new FormatError({ code: "BUNDLE_MALFORMED", message });
}
