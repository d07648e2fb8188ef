import { type ArtifactWriter, CaptureRefused } from "../contract/capture.ts";
import type { StoredBytes } from "./artifact-sink.ts";
import type { ArtifactFiles } from "./artifact-store.ts";
import { type ArtifactTrack, startTrack } from "./artifact-track.ts";
import { type ContentDecoder, startDecoding } from "./content-decoding.ts";
import type { Needle } from "./secret-forms.ts";

/** How one artifact ended up. */
export interface CapturedBytes extends StoredBytes {
  readonly masked: number;
  readonly truncated: boolean;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

/** Bytes that may still come; several artifacts can share one. */
export interface Allowance {
  left: number;
}

export interface ArtifactCaptureOptions {
  readonly name: string;
  readonly files: ArtifactFiles;
  readonly needles: readonly Needle[];
  readonly contentEncoding?: string | undefined;
  /** Most bytes of this artifact. */
  readonly maxBytes: number;
  /** What the attempt's artifacts may have together. */
  readonly allowance: Allowance;
  readonly clock: () => number;
  /** To whom it is sealed; undefined when it is kept in the clear. */
  readonly recipients?: readonly string[] | undefined;
}

/** One artifact being captured. */
export interface ArtifactCapture extends ArtifactWriter {
  /** Whether the adapter ended it. */
  readonly ended: boolean;
  /** Ends it from outside, cut short unless the adapter had ended it. Rethrows a fault of the storage. */
  settle(): Promise<CapturedBytes>;
  /** Leaves nothing behind; never throws. */
  drop(): Promise<void>;
}

/**
 * Starts capturing an artifact. Writes are taken in the order they are made, also when the adapter does not
 * wait. At the bound the bytes that fit are kept, the artifact is cut short and the adapter is told.
 */
export function startArtifact(options: ArtifactCaptureOptions): ArtifactCapture {
  const { name, files, needles, maxBytes, allowance, clock, recipients } = options;
  const wire = startTrack(files, needles, recipients);
  const decoded = needles.length === 0 ? undefined : startDecoded(options);
  let size = 0;
  let ended = false;
  let refused: CaptureRefused | undefined;
  let fault: unknown;
  let tail: Promise<void> = Promise.resolve();
  let settled: Promise<CapturedBytes> | undefined;

  async function take(bytes: Uint8Array): Promise<void> {
    if (fault !== undefined) throw fault;
    if (refused !== undefined) throw refused;
    const room = Math.min(maxBytes - size, allowance.left);
    const fitting = bytes.length > room ? bytes.subarray(0, Math.max(0, room)) : bytes;
    size += fitting.length;
    allowance.left -= fitting.length;
    try {
      await wire.write(fitting);
      await decoded?.decoder.write(fitting);
    } catch (error) {
      if (error instanceof CaptureRefused) refused = error;
      else fault = error;
      throw error;
    }
    if (fitting.length < bytes.length) {
      refused = sizeExceeded(name);
      throw refused;
    }
  }

  async function settleNow(): Promise<CapturedBytes> {
    try {
      if (fault !== undefined) throw fault;
      await decoded?.decoder.end().catch((error: unknown) => {
        if (!(error instanceof CaptureRefused)) throw error;
        refused = error;
      });
      await wire.end();
      await decoded?.track.end();
      // A body that could not be searched to its end is not kept as it came: what lies beyond is unknown.
      const useDecoded = decoded !== undefined && (decoded.track.masked > 0 || decoded.exceeded());
      const [track, other] = useDecoded ? [decoded.track, wire] : [wire, decoded?.track];
      await other?.drop();
      const stored = await track.keep();
      return {
        ...stored,
        masked: track.masked,
        truncated: !ended || refused !== undefined,
        endedAt: clock(),
      };
    } catch (error) {
      fault = error;
      await wire.drop();
      await decoded?.track.drop();
      throw error;
    }
  }

  function settle(): Promise<CapturedBytes> {
    settled ??= tail.then(settleNow);
    settled.catch(() => undefined);
    return settled;
  }

  return {
    get ended() {
      return ended;
    },
    write(bytes) {
      if (settled !== undefined) return Promise.reject(captureClosed(name));
      const taken = tail.then(() => take(bytes));
      tail = taken.catch(() => undefined);
      return taken;
    },
    async end() {
      if (settled === undefined) ended = true;
      await settle();
    },
    settle,
    async drop() {
      settled ??= Promise.reject(captureClosed(name));
      settled.catch(() => undefined);
      await tail;
      await wire.drop();
      await decoded?.track.drop();
    },
  };
}

function startDecoded(
  options: ArtifactCaptureOptions,
): { decoder: ContentDecoder; track: ArtifactTrack; exceeded: () => boolean } | undefined {
  const { name, files, needles, maxBytes, contentEncoding, recipients } = options;
  const track = startTrack(files, needles, recipients);
  let size = 0;
  let exceeded = false;
  const decoder = startDecoding(contentEncoding, async (bytes) => {
    const fitting = bytes.subarray(0, maxBytes - size);
    size += fitting.length;
    await track.write(fitting);
    if (fitting.length < bytes.length) {
      exceeded = true;
      throw sizeExceeded(name);
    }
  });
  return decoder && { decoder, track, exceeded: () => exceeded };
}

function sizeExceeded(name: string): CaptureRefused {
  return new CaptureRefused("SIZE_EXCEEDED", `artifact \`${name}\` is larger than the contract allows`);
}

function captureClosed(name: string): CaptureRefused {
  return new CaptureRefused("CAPTURE_CLOSED", `artifact \`${name}\` has ended`);
}
