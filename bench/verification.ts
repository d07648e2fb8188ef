import { generateKeyPairSync, sign, verify } from "node:crypto";
import { collectBytes } from "../src/format/byte-source.ts";
import { exportBundle } from "../src/run/export-bundle.ts";
import { memoryBundle } from "../src/verifier/bundle-source.ts";
import { verifyBundle } from "../src/verifier/verify-bundle.ts";
import { type Effort, type Line, rateOf } from "./figure.ts";
import { longRunbook, oneRun, openBenchLane } from "./governed-step.ts";

/** Receipts per second that the verifier checks, every layer, beside the bare check of as many signatures. */
export async function benchVerification({ quick }: Effort): Promise<Line[]> {
  const bench = await openBenchLane();
  try {
    const runs: string[] = [];
    await Promise.all(
      Array.from({ length: quick ? 4 : 20 }, async () => {
        runs.push(await oneRun(bench.lane, longRunbook));
      }),
    );
    const files = new Map<string, Uint8Array>();
    for (const file of await exportBundle(bench.lane, runs)) {
      files.set(file.path, await collectBytes(file.read(), Number.MAX_SAFE_INTEGER));
    }
    const bundle = memoryBundle(files);
    const receipts = countLines(files.get("receipts/receipts.ndjson") ?? new Uint8Array());
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < (quick ? 2 : 4); round++) {
      const began = performance.now();
      const { verdict, reasons } = await verifyBundle(bundle, bench.trust);
      best = Math.min(best, performance.now() - began);
      if (verdict !== "valid") throw new Error(`the bundle is ${verdict}: ${JSON.stringify(reasons)}`);
    }
    const value = (receipts / best) * 1000;
    const floor = signatureChecks(quick ? 300 : 1000);
    return [
      { id: "verifiedReceipts", name: "receipts verified, all layers", kind: "figure", value, unit: "/s" },
      {
        id: "ed25519Verifies",
        name: "floor: Ed25519 checks of 3 KB",
        kind: "floor",
        value: floor,
        unit: "/s",
      },
      {
        id: "verifiedToEd25519",
        name: "receipts verified over Ed25519 checks",
        kind: "ratio",
        value: value / floor,
        unit: "x",
      },
    ];
  } finally {
    bench.close();
  }
}

function signatureChecks(millis: number): number {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const message = Buffer.alloc(3000, 1);
  const signature = sign(null, message, privateKey);
  return rateOf(() => verify(null, message, publicKey, signature), millis);
}

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
}
