import { type ByteSource, collectBytes } from "./byte-source.ts";
import { FormatError } from "./coded-error.ts";

const BLOCK = 512;
const MAX_SIZE = 8 ** 11 - 1;
const SEGMENT = /^[A-Za-z0-9@+=,_-][A-Za-z0-9@+=,._-]*$/;

/** A file to write into a tar. */
export interface TarFile {
  readonly path: string;
  readonly size: number;
  /** Exactly `size` bytes. */
  read(): AsyncIterable<Uint8Array>;
}

/** A file found in a tar: `offset` is where its bytes start. */
export interface TarEntry {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
}

/**
 * Whether a path may stand in a bundle: relative, of ASCII letters, digits and `@+=,._-`, no segment that
 * is empty or starts with a dot. Such a path means the same on every file system.
 */
export function isSafePath(path: string): boolean {
  return path.length <= 256 && path.split("/").every((segment) => SEGMENT.test(segment));
}

/**
 * Writes a deterministic ustar archive (POSIX.1-1988): regular files only, sorted by path, mode 0644, owner
 * and time zero. The same files give the same bytes.
 *
 * @throws FormatError `TAR_MALFORMED` for a path that does not fit or stands twice, a size over 8 GiB, or a
 *   file whose bytes are not as many as it said.
 */
export async function* writeTar(files: Iterable<TarFile>): AsyncGenerator<Uint8Array> {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  let previous: string | undefined;
  for (const file of sorted) {
    if (file.path === previous) throw malformed(`\`${file.path}\` stands twice`);
    previous = file.path;
    yield header(file.path, file.size);
    let written = 0;
    for await (const chunk of file.read()) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== file.size) {
      throw malformed(`\`${file.path}\` has ${written} bytes and not ${file.size}`);
    }
    if (padding(file.size) > 0) yield new Uint8Array(padding(file.size));
  }
  yield new Uint8Array(2 * BLOCK);
}

/**
 * Lists the files of an archive that `writeTar` could have written, and refuses every other: truncated,
 * reordered, a name twice, `../`, absolute paths, links, devices, wrong checksums, bytes after the end.
 * Reads headers and padding only.
 *
 * @throws FormatError `TAR_MALFORMED`, or `TOO_LARGE` for more than `maxFiles`.
 */
export async function listTar(source: ByteSource, { maxFiles = 100_000 } = {}): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const folded = new Set<string>();
  let offset = 0;
  let block = await readExactly(source, offset, BLOCK);
  while (!isZero(block)) {
    const { path, size } = parseHeader(block);
    const previous = entries.at(-1);
    if (previous !== undefined && path <= previous.path) {
      throw malformed(path === previous.path ? `\`${path}\` stands twice` : `\`${path}\` is out of order`);
    }
    // Two names that differ in case alone would overwrite each other on some file systems.
    if (folded.has(path.toLowerCase())) throw malformed(`\`${path}\` stands twice but for case`);
    if (entries.length >= maxFiles) {
      throw new FormatError({ code: "TOO_LARGE", message: `the archive has more than ${maxFiles} files` });
    }
    folded.add(path.toLowerCase());
    entries.push({ path, size, offset: offset + BLOCK });
    offset += BLOCK + size;
    const pad = padding(size);
    const next = await readExactly(source, offset, pad + BLOCK);
    if (!isZero(next.subarray(0, pad))) throw malformed(`\`${path}\` has padding that is not zero`);
    offset += pad;
    block = next.subarray(pad);
  }
  const end = await readExactly(source, offset, 2 * BLOCK);
  if (!isZero(end)) throw malformed("the end is not two zero blocks");
  if (source.size !== offset + 2 * BLOCK) throw malformed("there are bytes after the end");
  return entries;
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

async function readExactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  if (offset + length > source.size) throw malformed("the archive is truncated");
  const bytes = await collectBytes(source.read(offset, offset + length), length);
  if (bytes.length !== length) throw malformed("the archive is truncated");
  return bytes;
}

/** The one header that a path and a size have. */
function header(path: string, size: number): Uint8Array {
  if (!isSafePath(path)) throw malformed(`\`${path.slice(0, 300)}\` is not a path for an archive`);
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_SIZE) throw malformed(`\`${path}\` is too large`);
  const { prefix, name } = splitPath(path);
  const block = CONSTANT.slice();
  put(block, 0, name);
  put(block, 124, `${size.toString(8).padStart(11, "0")}\0`);
  put(block, 345, prefix);
  let sum = 0;
  for (const byte of block) sum += byte;
  put(block, 148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** What all headers have: mode 0644, owner and time zero, a regular file; a checksum is taken over blanks in its place. */
const CONSTANT = new Uint8Array(BLOCK);
put(CONSTANT, 100, "0000644\0");
put(CONSTANT, 108, "0000000\0");
put(CONSTANT, 116, "0000000\0");
put(CONSTANT, 136, "00000000000\0");
put(CONSTANT, 148, "        ");
put(CONSTANT, 156, "0");
put(CONSTANT, 257, "ustar\x0000");
put(CONSTANT, 329, "0000000\0");
put(CONSTANT, 337, "0000000\0");

function put(block: Uint8Array, offset: number, ascii: string): void {
  for (let i = 0; i < ascii.length; i++) block[offset + i] = ascii.charCodeAt(i);
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

/** Splits at the first slash that leaves a name of at most 100 bytes. */
function splitPath(path: string): { prefix: string; name: string } {
  if (path.length <= 100) return { prefix: "", name: path };
  const slash = path.indexOf("/", path.length - 101);
  if (slash === -1 || slash > 155) throw malformed(`\`${path}\` is too long for an archive`);
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function parseHeader(block: Uint8Array): { path: string; size: number } {
  const prefix = field(block, 345, 155);
  const name = field(block, 0, 100);
  const path = prefix === "" ? name : `${prefix}/${name}`;
  const shown = `\`${path.slice(0, 300)}\``;
  if (field(block, 257, 8) !== "ustar") throw malformed("a header is not ustar");
  const type = String.fromCharCode(block[156] ?? 0);
  if (type !== "0") throw malformed(`${shown} is not a regular file`);
  const octal = field(block, 124, 12);
  if (!/^[0-7]{11}$/.test(octal)) throw malformed(`${shown} has no size`);
  const size = Number.parseInt(octal, 8);
  // Everything else, the checksum included, must be what the writer would have written.
  const canonical = header(path, size);
  for (let i = 0; i < BLOCK; i++)
    if (block[i] !== canonical[i]) throw malformed(`the header of ${shown} is not canonical`);
  return { path, size };
}

function field(block: Uint8Array, offset: number, length: number): string {
  const bytes = block.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end === -1 ? length : end));
}

function malformed(message: string): FormatError {
  return new FormatError({ code: "TAR_MALFORMED", message });
}
