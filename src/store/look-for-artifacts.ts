import type { Artifact } from "../contract/artifact.ts";
import type { ArtifactFiles } from "../evidence/artifact-store.ts";
import type { Digest } from "../format/digest.ts";
import type { Store } from "../run/store.ts";

/**
 * Looks whether each artifact's bytes are where they should be, without reading them.
 *
 * @returns ids of artifacts whose bytes are missing, and of retired ones whose bytes are here though nothing needs them.
 */
export async function lookForArtifacts(
  store: Store,
  files: ArtifactFiles,
): Promise<{ readonly missing: readonly string[]; readonly back: readonly string[] }> {
  const isHere = async ({ digest }: Artifact): Promise<boolean> =>
    store.blob(digest as Digest) !== undefined || (await files.has(digest as Digest));
  const all = store.runs().flatMap(({ run }) => store.artifacts(run).map(({ artifact }) => artifact));
  const { retired = [], kept = [] } = Object.groupBy(all, ({ id }) =>
    store.retired(id) ? "retired" : "kept",
  );
  const needed = new Set(kept.map(({ digest }) => digest));
  const missing: string[] = [];
  const back: string[] = [];
  for (const one of kept) if (!(await isHere(one))) missing.push(one.id);
  for (const one of retired) if (!needed.has(one.digest) && (await isHere(one))) back.push(one.id);
  return { missing, back };
}
