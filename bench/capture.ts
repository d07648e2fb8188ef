import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 * 1024;
const ROUNDS = 3;

interface Measured {
  readonly seconds: number;
  readonly peakMiB: number;
}

/**
 * Captures a stream of 1 GiB, beside its two floors taken in turn: bare SHA-256 and a bare synced write of the
 * same bytes. The best of three rounds each; speeds in MiB/s.
 */
export async function benchCapture({
  bytes = 1024 * MIB,
} = {}): Promise<{ figures: Record<string, number> }> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-"));
  try {
    const best = { sha256: 0, write: 0, capture: 0 };
    let peakMiB = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const mode of ["sha256", "write", "capture"] as const) {
        const { seconds, peakMiB: peak } = measure(mode, folder, bytes);
        best[mode] = Math.max(best[mode], bytes / MIB / seconds);
        if (mode === "capture") peakMiB = Math.max(peakMiB, peak);
      }
    }
    const floor = Math.min(best.sha256, best.write);
    return {
      figures: {
        captureMiBPerSecond: round(best.capture),
        captureFloorSha256MiBPerSecond: round(best.sha256),
        captureFloorSyncedWriteMiBPerSecond: round(best.write),
        captureToSlowerFloor: Math.round((best.capture / floor) * 1000) / 1000,
        capturePeakRssMiB: round(peakMiB),
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(mode: string, folder: string, bytes: number): Measured {
  const child = join(import.meta.dirname, "capture-child.ts");
  const printed = execFileSync(process.execPath, [child, mode, folder, String(bytes)], { encoding: "utf8" });
  return JSON.parse(printed) as Measured;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
