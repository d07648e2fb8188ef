import type { Trust } from "../contract/trust.ts";
import type { Open } from "../evidence/age.ts";
import { exportBundle } from "../run/export-bundle.ts";
import type { Lane } from "../run/lane.ts";
import { memoryBundle, type Report, verifyBundle } from "../verifier/index.ts";

/**
 * Verifies runs as a reviewer with this trust would, from a bundle that is kept in memory: for few and small runs.
 *
 * @param open opens what is sealed; default: nobody does.
 */
export async function verifyRuns(
  lane: Lane,
  runs: readonly string[],
  trust: Trust,
  open?: Open,
): Promise<Report> {
  const files = new Map<string, Uint8Array>();
  for (const file of await exportBundle(lane, runs)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.read()) chunks.push(chunk);
    files.set(file.path, Buffer.concat(chunks));
  }
  return verifyBundle(memoryBundle(files), trust, open === undefined ? {} : { open });
}
