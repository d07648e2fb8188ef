import type { Artifact } from "../contract/artifact.ts";
import { type Open, sealStream } from "../evidence/age.ts";
import { EvidenceError } from "../evidence/evidence-error.ts";
import { SALT_BYTES } from "../evidence/salted.ts";
import { startSha256 } from "../format/crypto.ts";
import type { Digest } from "../format/digest.ts";
import type { Lane } from "./lane.ts";
import { readArtifact } from "./read-artifact.ts";

/** An artifact on its way to one recipient. */
export interface ReleasedBytes {
  /** The age file. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Its digest, and the commitment to what is in it; to be asked once all bytes were read. */
  ended(): { readonly digest: Digest; readonly commitment: Digest };
}

/**
 * Encrypts an artifact to one recipient: a sealed one with the salt it has, so that it still fits its receipt, any other
 * with a fresh one. Streaming; the plaintext reaches no disk.
 *
 * @param open opens a sealed artifact.
 * @throws EvidenceError `SEALED_DAMAGED`, `IDENTITY_UNFIT`, also while the bytes are read: what they give so far is of no use then.
 */
export async function releaseBytes(
  lane: Pick<Lane, "store" | "files">,
  artifact: Artifact,
  recipient: string,
  open: Open | undefined,
): Promise<ReleasedBytes> {
  const commitment = startSha256();
  const digest = startSha256();
  const plaintext =
    artifact.sealed === undefined ? salted(lane, artifact) : await opened(lane, artifact, open);

  async function* committed(): AsyncIterable<Uint8Array> {
    for await (const chunk of plaintext) {
      commitment.update(chunk);
      yield chunk;
    }
  }
  async function* encrypted(): AsyncIterable<Uint8Array> {
    const stream = ReadableStream.from(committed()) as ReadableStream<Uint8Array>;
    for await (const chunk of await sealStream(stream, [recipient])) {
      digest.update(chunk);
      yield chunk;
    }
  }
  return {
    bytes: encrypted(),
    ended() {
      const found: Digest = `sha256:${commitment.hex()}`;
      if (artifact.sealed !== undefined && artifact.sealed.commitment !== found) {
        throw new EvidenceError({
          code: "SEALED_DAMAGED",
          message: `what \`${artifact.id}\` holds is not what its commitment says`,
          hint: "run `witnessops doctor` and restore it from a proof bundle",
        });
      }
      return { digest: `sha256:${digest.hex()}`, commitment: found };
    },
  };
}

async function* salted(lane: Pick<Lane, "store" | "files">, artifact: Artifact): AsyncIterable<Uint8Array> {
  yield crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  yield* readArtifact(lane, artifact);
}

async function opened(
  lane: Pick<Lane, "store" | "files">,
  artifact: Artifact,
  open: Open | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const plaintext = await open?.(readArtifact(lane, artifact));
  if (plaintext !== undefined) return plaintext;
  throw new EvidenceError({
    code: "IDENTITY_UNFIT",
    message: `\`${artifact.id}\` was not sealed to this identity`,
    hint: `its recipients: ${artifact.sealed?.recipients.join(", ")}`,
  });
}
