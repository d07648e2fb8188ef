import type { BundleSource, ByteSource } from "../verifier/index.ts";

const WINDOW = 1 << 20;
/** 128 MiB at most: a larger bundle is never held whole. */
const MAX_WINDOWS = 128;

/**
 * A blob as a byte source. Most files of a bundle are small and each read of a blob costs a message to another
 * process: reads go through windows of 1 MiB, the least recently used of which are let go.
 */
export function blobSource(blob: Blob): ByteSource {
  const windows = new Map<number, Uint8Array>();
  const load = async (index: number): Promise<Uint8Array> => {
    const known = windows.get(index);
    windows.delete(index);
    const bytes = known ?? (await readSlice(blob, index * WINDOW, (index + 1) * WINDOW));
    const [oldest] = windows.keys();
    if (windows.size >= MAX_WINDOWS && oldest !== undefined) windows.delete(oldest);
    windows.set(index, bytes);
    return bytes;
  };
  return {
    size: blob.size,
    async *read(start, end) {
      for (let at = start; at < end; ) {
        const index = Math.floor(at / WINDOW);
        const until = Math.min(end, (index + 1) * WINDOW);
        yield (await load(index)).subarray(at - index * WINDOW, until - index * WINDOW);
        at = until;
      }
    },
  };
}

/** The files of a folder as a bundle. */
export function fileListBundle(
  files: readonly { readonly path: string; readonly file: File }[],
): BundleSource {
  const byPath = new Map(files.map(({ path, file }) => [path, file]));
  return {
    list: async () => files.map(({ path, file }) => ({ path, size: file.size })),
    async *read(path) {
      const file = byPath.get(path);
      if (file === undefined) throw new RangeError(`no file \`${path}\``);
      for (let at = 0; at < file.size; at += WINDOW) yield await readSlice(file, at, at + WINDOW);
    },
  };
}

/** Tells of every byte that is read from a bundle. */
export function watched(source: BundleSource, onRead: (bytes: number) => void): BundleSource {
  return {
    list: () => source.list(),
    async *read(path) {
      for await (const chunk of source.read(path)) {
        onRead(chunk.length);
        yield chunk;
      }
    },
  };
}

async function readSlice(blob: Blob, start: number, end: number): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(start, end).arrayBuffer());
}
