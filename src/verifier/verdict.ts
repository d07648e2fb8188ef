import type { LayerResult } from "./layer.ts";
import type { Verdict } from "./report.ts";

const MAX_REASONS = 50;

/** `invalid` beats `indeterminate` beats `valid` (design section 11). */
export function verdictOf(layers: readonly LayerResult[]): { verdict: Verdict; reasons: string[] } {
  const failures = layers.flatMap((layer) =>
    layer.failures.map(({ code, message }) => `${code}: ${message}`),
  );
  if (
    failures.length > 0 ||
    layers.some(({ internal, anchored }) => internal === "failed" || anchored === "failed")
  ) {
    return { verdict: "invalid", reasons: distinct(failures) };
  }
  const doubts = layers.flatMap((layer) => layer.doubts);
  if (doubts.length > 0) return { verdict: "indeterminate", reasons: distinct(doubts) };
  return { verdict: "valid", reasons: [] };
}

function distinct(reasons: readonly string[]): string[] {
  const all = [...new Set(reasons)];
  return all.length <= MAX_REASONS
    ? all
    : [...all.slice(0, MAX_REASONS), `and ${all.length - MAX_REASONS} more`];
}
