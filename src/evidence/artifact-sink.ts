import type { Sealed } from "../contract/artifact.ts";
import { type Sha256, startSha256 } from "../format/crypto.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import type { ArtifactFiles, PendingFile } from "./artifact-store.ts";

/** Artifacts up to this size stay in memory and go to the database with the receipt. In bytes. */
export const INLINE_BYTES = 64 * 1024;
/** Small writes are gathered to this size before they are hashed and written. */
const BLOCK_BYTES = 1024 * 1024;
/** Chunks from this size on are written as they are. */
const DIRECT_BYTES = 256 * 1024;

/** Bytes that were stored, or are ready to be. */
export interface StoredBytes {
  /** Of what is stored: of the ciphertext when it is sealed. */
  readonly digest: Digest;
  readonly size: number;
  /** The bytes, when they are few enough to go into the database. */
  readonly inline?: Uint8Array;
  /** Present when the stored bytes are the sealed form of those that were written. */
  readonly sealed?: Sealed;
}

/** Takes the bytes of one artifact, hashing them while they are written. */
export interface ArtifactSink {
  /** The bytes may change once it resolves. One write at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends it; what went to a file is durable then. */
  keep(): Promise<StoredBytes>;
  /** Leaves nothing behind; never throws. */
  drop(): Promise<void>;
}

/** Starts an artifact: in memory first, in a file from `INLINE_BYTES` on. */
export function startSink(files: ArtifactFiles): ArtifactSink {
  let size = 0;
  let pieces: Uint8Array[] = [];
  let file: FileSink | undefined;

  return {
    async write(bytes) {
      size += bytes.length;
      if (file === undefined) {
        if (size <= INLINE_BYTES) {
          pieces.push(Uint8Array.from(bytes));
          return;
        }
        file = new FileSink(await files.begin());
        for (const piece of pieces.splice(0)) await file.write(piece);
      }
      await file.write(bytes);
    },
    async keep() {
      if (file !== undefined) return { digest: await file.keep(), size };
      const inline = Buffer.concat(pieces);
      return { digest: digestOf(inline), size, inline };
    },
    async drop() {
      pieces = [];
      await file?.drop();
    },
  };
}

/** Hashes on this thread while the bytes before are being written on another. */
class FileSink {
  readonly #file: PendingFile;
  readonly #hash: Sha256 = startSha256();
  #block: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #spare: Buffer | undefined;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: PendingFile) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#filled === 0 && bytes.length >= DIRECT_BYTES) {
      await this.#writing;
      this.#start(bytes);
      this.#hash.update(bytes);
      await this.#writing;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const taken = bytes.subarray(at, at + BLOCK_BYTES - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled === BLOCK_BYTES) await this.#flush();
    }
  }

  async keep(): Promise<Digest> {
    await this.#flush();
    await this.#writing;
    const digest: Digest = `sha256:${this.#hash.hex()}`;
    await this.#file.keep(digest);
    return digest;
  }

  async drop(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.drop();
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    const full = this.#block.subarray(0, this.#filled);
    await this.#writing;
    this.#start(full);
    this.#hash.update(full);
    // Two blocks take turns: the other one's write has just ended.
    [this.#block, this.#spare] = [this.#spare ?? Buffer.allocUnsafe(BLOCK_BYTES), this.#block];
    this.#filled = 0;
  }

  #start(bytes: Uint8Array): void {
    this.#writing = this.#file.write(bytes);
    // Whoever waits for it next sees the fault; until then it is not unhandled.
    this.#writing.catch(() => undefined);
  }
}
