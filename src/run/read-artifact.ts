import type { Artifact } from "../contract/artifact.ts";
import type { Digest } from "../format/digest.ts";
import type { Lane } from "./lane.ts";

/** An artifact's stored bytes, of a sealed one the ciphertext. @throws StoreError `STORE_CORRUPT` when they are missing. */
export function readArtifact(
  lane: Pick<Lane, "store" | "files">,
  artifact: Artifact,
): AsyncIterable<Uint8Array> {
  const digest = artifact.digest as Digest;
  const inline = lane.store.blob(digest);
  return inline === undefined ? lane.files.read(digest) : once(inline);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
