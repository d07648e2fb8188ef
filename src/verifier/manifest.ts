import { CLAIM_PATH, MANIFEST_PATH } from "../contract/proof-bundle.ts";
import { type Bundle, isKnownPath } from "./bundle.ts";
import { Findings, type LayerResult } from "./layer.ts";

/** Layer 2: the manifest lists every file once, sorted, with its size and hash; what it does not list is ignored. */
export function checkManifest(bundle: Bundle): LayerResult {
  const findings = new Findings("manifest");
  if (!bundle.readable) findings.doubt("the container cannot be read");
  findings.failAll(bundle.faults.manifest);
  let previous = "";
  for (const entry of bundle.manifest?.files ?? []) {
    const at = { path: entry.path };
    if (entry.path <= previous) {
      findings.fail("FAILURE_BUNDLE_MALFORMED", "the manifest is not sorted by path, each path once", at);
    }
    previous = entry.path;
    const file = bundle.files.get(entry.path);
    if (entry.path === MANIFEST_PATH || entry.path === CLAIM_PATH) {
      findings.fail("FAILURE_BUNDLE_MALFORMED", "the manifest may not list itself or the claim", at);
    } else if (file === undefined) {
      findings.fail("FAILURE_COMPLETENESS", "a file that the manifest lists is absent", at);
    } else if (file.size !== entry.size || file.digest !== entry.digest) {
      findings.fail("FAILURE_HASH_MISMATCH", "the file differs from what the manifest lists", at);
    }
    if (!isKnownPath(entry.path)) findings.note(`\`${entry.path}\` is of no kind that this verifier reads`);
  }
  for (const path of extraFiles(bundle)) findings.note(`\`${path}\` is not in the manifest and was ignored`);
  return findings.end({ anchored: "not-applicable" });
}

/** Files that the manifest does not list, sorted. */
export function extraFiles(bundle: Bundle): string[] {
  const { files, listed } = bundle;
  return [...files.keys()]
    .filter((path) => path !== MANIFEST_PATH && path !== CLAIM_PATH && !listed.has(path))
    .sort();
}
