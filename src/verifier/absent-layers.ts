import type { Anchor } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { Findings, type LayerResult } from "./layer.ts";

/**
 * Layer 6, the log: this version of the format carries none. A layer that a run promised when it opened and that is
 * absent makes the bundle invalid; one that only the reviewer requires makes the verdict indeterminate.
 */
export function checkAbsent(
  layer: "log",
  { streams }: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
): LayerResult {
  const findings = new Findings(layer);
  for (const { id, document, opened } of runs) {
    if (!document.requiredLayers.includes(layer) && document.log === undefined) continue;
    const message = `run \`${id}\` promised the layer \`${layer}\`, and it is absent`;
    findings.fail("FAILURE_COMPLETENESS", message, { receipt: opened.digest });
  }
  if (streams.get("workspace")?.some(({ predicate }) => predicate.event === "log-started") === true)
    findings.doubt("the workspace has a log, and the bundle leaves it out");
  for (const stream of streams.values())
    if (stream.some(({ predicate }) => predicate.time.lowerBound !== undefined))
      findings.doubt("a receipt names a checkpoint of a log, and there is no log");
  if (anchor.require.has(layer))
    findings.untested(`the trust file requires the layer \`${layer}\`, and it is absent`);
  findings.note("no log: receipts are chained, not published");
  return findings.end({ internal: "not-present", anchored: "not-applicable" });
}
