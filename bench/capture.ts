import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Effort, Line } from "./figure.ts";

const MIB = 1024 * 1024;
const ROUNDS = 3;

interface Measured {
  readonly seconds: number;
  readonly peakMiB: number;
}

/**
 * Captures a stream of 1 GiB, beside its two floors taken in turn: bare SHA-256 and a bare synced write of the
 * same bytes. The best of three rounds each.
 */
export async function benchCapture({ quick }: Effort): Promise<Line[]> {
  const bytes = (quick ? 128 : 1024) * MIB;
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-"));
  try {
    const best = { sha256: 0, write: 0, capture: 0 };
    let peak = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const mode of ["sha256", "write", "capture"] as const) {
        const { seconds, peakMiB } = measure(mode, folder, bytes);
        best[mode] = Math.max(best[mode], bytes / MIB / seconds);
        if (mode === "capture") peak = Math.max(peak, peakMiB);
      }
    }
    const unit = "MiB/s";
    return [
      { id: "capture", name: `capture of ${bytes / MIB} MiB`, kind: "figure", value: best.capture, unit },
      { id: "sha256", name: "floor: bare SHA-256", kind: "floor", value: best.sha256, unit },
      { id: "syncedWrite", name: "floor: bare synced write", kind: "floor", value: best.write, unit },
      {
        id: "captureToFloor",
        name: "capture over the slower floor",
        kind: "ratio",
        value: best.capture / Math.min(best.sha256, best.write),
        unit: "x",
        target: { atLeast: 0.7 },
      },
      {
        id: "capturePeakMiB",
        name: "peak memory of the capture",
        kind: "figure",
        value: peak,
        unit: "MiB",
        target: { atMost: 200 },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(mode: string, folder: string, bytes: number): Measured {
  const child = join(import.meta.dirname, "capture-child.ts");
  const printed = execFileSync(process.execPath, [child, mode, folder, String(bytes)], { encoding: "utf8" });
  return JSON.parse(printed) as Measured;
}
