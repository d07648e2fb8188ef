import { type ByteSource, bytesInMemory } from "../format/byte-source.ts";
import { listTar } from "../format/tar.ts";
import { defaultLimits } from "./limits.ts";

/** Where a bundle's files come from: a folder, a tar, memory. */
export interface BundleSource {
  /** All files, once each. @throws FormatError when the container itself is malformed. */
  list(): Promise<readonly BundleFile[]>;
  /** Streams a listed file's bytes. */
  read(path: string): AsyncIterable<Uint8Array>;
}

export interface BundleFile {
  readonly path: string;
  readonly size: number;
}

/** A bundle held in memory, by path. */
export function memoryBundle(files: ReadonlyMap<string, Uint8Array>): BundleSource {
  return {
    async list() {
      return [...files].map(([path, bytes]) => ({ path, size: bytes.length }));
    },
    async *read(path) {
      const bytes = files.get(path);
      if (bytes === undefined) throw new RangeError(`no file \`${path}\``);
      yield bytes;
    },
  };
}

/** A bundle in one deterministic tar. Files are read in place; only headers are kept in memory. */
export function tarBundle(tar: ByteSource | Uint8Array): BundleSource {
  const source = tar instanceof Uint8Array ? bytesInMemory(tar) : tar;
  const entries = new Map<string, { start: number; end: number }>();
  return {
    async list() {
      const listed = await listTar(source, { maxFiles: defaultLimits.maxFiles });
      for (const { path, size, offset } of listed) entries.set(path, { start: offset, end: offset + size });
      return listed.map(({ path, size }) => ({ path, size }));
    },
    async *read(path) {
      const entry = entries.get(path);
      if (entry === undefined) throw new RangeError(`no file \`${path}\``);
      yield* source.read(entry.start, entry.end);
    },
  };
}
