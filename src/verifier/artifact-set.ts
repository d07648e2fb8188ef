import { hexOf } from "../format/digest.ts";
import type { Bundle } from "./bundle.ts";
import { Findings, type LayerResult } from "./layer.ts";

/** Layer 1: every file can be read, and every artifact's bytes hash to its name. */
export function checkArtifactSet(bundle: Bundle): LayerResult {
  const findings = new Findings("artifact-set");
  findings.failAll(bundle.faults.files);
  let artifacts = 0;
  for (const { path, digest } of bundle.listed.values()) {
    if (!path.startsWith("artifacts/")) continue;
    artifacts += 1;
    const match = /^artifacts\/sha256\/([0-9a-f]{64})$/.exec(path);
    if (match === null) findings.note(`\`${path}\` is not an artifact's path`);
    else if (match[1] !== hexOf(digest)) {
      findings.fail("FAILURE_HASH_MISMATCH", "the artifact's bytes are not those its name says", { path });
    }
  }
  findings.note(`${artifacts} artifacts were hashed`);
  return findings.end({ anchored: "not-applicable" });
}
