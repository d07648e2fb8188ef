import type { ArtifactFiles } from "../evidence/artifact-store.ts";
import type { Digest } from "../format/digest.ts";
import type { Store } from "../run/store.ts";
import { StoreError } from "../run/store-error.ts";

/**
 * Re-reads every captured artifact, in the database or in its file, and compares size and digest with what was
 * recorded. Returns one line per fault. The digests of inline bytes are `Store.checkIntegrity`'s business.
 */
export async function checkArtifacts(store: Store, files: ArtifactFiles): Promise<string[]> {
  const faults: string[] = [];
  const sizes = new Map<string, number | string>();
  for (const { run } of store.runs()) {
    for (const { artifact } of store.artifacts(run)) {
      if (store.retired(artifact.id)) continue;
      const digest = artifact.digest as Digest;
      const found = sizes.get(digest) ?? store.blob(digest)?.length ?? (await fileSize(files, digest));
      sizes.set(digest, found);
      if (typeof found === "string") faults.push(`artifact \`${artifact.id}\`: ${found}`);
      else if (found !== artifact.size) {
        faults.push(`artifact \`${artifact.id}\`: it has ${found} bytes, recorded were ${artifact.size}`);
      }
    }
  }
  return faults;
}

/** The file's size, or what is wrong with it. */
async function fileSize(files: ArtifactFiles, digest: Digest): Promise<number | string> {
  let size = 0;
  try {
    for await (const chunk of files.read(digest)) size += chunk.length;
  } catch (error) {
    if (error instanceof StoreError && error.code === "STORE_CORRUPT") return error.message;
    throw error;
  }
  return size;
}
