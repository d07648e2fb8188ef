import { startSha256 } from "../format/crypto.ts";
import { sealStream } from "./age.ts";
import { type ArtifactSink, startSink } from "./artifact-sink.ts";
import type { ArtifactFiles } from "./artifact-store.ts";
import { SALT_BYTES } from "./salted.ts";

/** Plaintext goes into the cipher in pieces of this size at most, so that a large write needs no second copy of itself. */
const PIECE_BYTES = 64 * 1024;

/**
 * Starts an artifact that is sealed on its way (`spec/sealing.md`): salt and bytes go through age, and only the
 * ciphertext reaches memory that is kept, the database or a file. Memory is flat: age works in pieces of 64 KiB.
 */
export function startSealedSink(files: ArtifactFiles, recipients: readonly string[]): ArtifactSink {
  const sink = startSink(files);
  const commitment = startSha256();
  const through = new TransformStream<Uint8Array, Uint8Array>();
  const writer = through.writable.getWriter();
  let fault: unknown;

  const sealing = (async () => {
    try {
      for await (const chunk of await sealStream(through.readable, recipients)) await sink.write(chunk);
    } catch (error) {
      fault = error;
      await writer.abort(error).catch(() => undefined);
      throw error;
    }
  })();
  sealing.catch(() => undefined);
  writer.closed.catch(() => undefined);

  function put(bytes: Uint8Array): Promise<void> {
    commitment.update(bytes);
    return writer.write(bytes).catch((error: unknown) => {
      throw fault ?? error;
    });
  }

  const begun = put(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
  begun.catch(() => undefined);

  return {
    async write(bytes) {
      await begun;
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        // A copy: the caller's bytes may change once this resolves, and the stream may still hold them then.
        await put(Uint8Array.from(bytes.subarray(at, at + PIECE_BYTES)));
      }
    },
    async keep() {
      await begun;
      await writer.close().catch(() => undefined);
      await sealing;
      const stored = await sink.keep();
      return {
        ...stored,
        sealed: { commitment: `sha256:${commitment.hex()}`, recipients: [...recipients] },
      };
    },
    async drop() {
      await writer.abort().catch(() => undefined);
      await sealing.catch(() => undefined);
      await sink.drop();
    },
  };
}
