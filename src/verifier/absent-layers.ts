import type { Anchor } from "./anchor.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { Findings, type LayerResult } from "./layer.ts";

/**
 * Layers 5 and 6, timestamps and log: this version of the format carries neither. A layer that a run
 * promised when it opened and that is absent makes the bundle invalid; one that only the reviewer requires
 * makes the verdict indeterminate.
 */
export function checkAbsent(
  layer: "timestamps" | "log",
  runs: readonly ClaimedRun[],
  anchor: Anchor,
): LayerResult {
  const findings = new Findings(layer);
  const name = layer === "log" ? "log" : "time";
  for (const { id, document, opened } of runs) {
    if (!document.requiredLayers.includes(name)) continue;
    const message = `run \`${id}\` promised the layer \`${name}\`, and it is absent`;
    findings.fail("FAILURE_COMPLETENESS", message, { receipt: opened.digest });
  }
  if (anchor.require.has(name))
    findings.untested(`the trust file requires the layer \`${name}\`, and it is absent`);
  findings.note(
    layer === "log"
      ? "no log: receipts are chained, not published"
      : "no timestamps: times are the host's claim",
  );
  return findings.end({ internal: "not-present", anchored: "not-applicable" });
}
