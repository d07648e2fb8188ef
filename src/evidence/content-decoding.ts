import { type Duplex, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";

/** Decodes a stream of bytes on the way, in flat memory. */
export interface ContentDecoder {
  /** Resolves when the bytes were decoded and taken. Rethrows what taking threw. */
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

const CHUNK = 64 * 1024;
/** RFC 8878 section 3.1.1.1.2 recommends to decode windows of up to 8 MiB. */
const ZSTD_WINDOW_LOG = 23;

/**
 * Starts decoding the codings of a `Content-Encoding` header (RFC 9110 section 8.4): gzip, deflate, br and
 * zstd, in any combination. Undefined when there is nothing to decode or a coding is unknown.
 *
 * Input that ends early is decoded as far as it goes; input that is malformed ends there.
 */
export function startDecoding(
  contentEncoding: string | undefined,
  take: (bytes: Uint8Array) => Promise<void>,
): ContentDecoder | undefined {
  const codings = (contentEncoding ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length === 0 || codings.length > 4 || !codings.every((coding) => names.includes(coding)))
    return undefined;
  return decodeLazily(codings.reverse(), take);
}

const names = ["gzip", "x-gzip", "deflate", "br", "zstd"];
/** First byte of zlib data (RFC 1950 section 2.2). */
const ZLIB_HEADER = 0x78;

function decoderOf(coding: string, firstByte: number): Duplex {
  const deflate = { chunkSize: CHUNK, finishFlush: constants.Z_SYNC_FLUSH };
  switch (coding) {
    case "br":
      return createBrotliDecompress({ chunkSize: CHUNK, finishFlush: constants.BROTLI_OPERATION_FLUSH });
    case "zstd":
      return createZstdDecompress({
        chunkSize: CHUNK,
        finishFlush: constants.ZSTD_e_flush,
        params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
      });
    case "deflate":
      // Some servers send raw deflate data under this name.
      return (firstByte & 0x0f) === (ZLIB_HEADER & 0x0f) ? createInflate(deflate) : createInflateRaw(deflate);
    default:
      return createGunzip(deflate);
  }
}

/** Starts at the first byte, which `deflate` needs to see. */
function decodeLazily(
  codings: readonly string[],
  take: (bytes: Uint8Array) => Promise<void>,
): ContentDecoder {
  let first: Duplex | undefined;
  let done: Promise<void> = Promise.resolve();
  let refusal: unknown;

  function start(firstByte: number): Duplex {
    const first = decoderOf(codings[0] ?? "gzip", firstByte);
    const later = codings.slice(1).map((coding) => decoderOf(coding, ZLIB_HEADER));
    const taker = new Writable({
      write(chunk: Uint8Array, _encoding, next) {
        take(chunk).then(
          () => next(),
          (error: Error) => {
            refusal = error;
            next(error);
          },
        );
      },
    });
    // Malformed input is no fault of the capture; only what `take` threw is passed on.
    done = pipeline([first, ...later, taker]).then(nothing, nothing);
    return first;
  }

  return {
    async write(bytes) {
      if (bytes.length === 0) return;
      first ??= start(bytes[0] as number);
      const stream = first;
      if (!stream.destroyed && !stream.writableEnded) {
        // A stream that breaks may never call back, but then the pipeline is done.
        await Promise.race([new Promise<void>((resolve) => stream.write(bytes, () => resolve())), done]);
      }
      if (refusal !== undefined) throw refusal;
    },
    async end() {
      first?.end();
      await done;
      if (refusal !== undefined) throw refusal;
    },
  };
}

function nothing(): void {}
