import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mapAhead } from "../src/verifier/map-ahead.ts";
import { type Effort, type Line, rateOf } from "./figure.ts";
import { type MadeBundle, makeManyReceipts } from "./many-receipts.ts";

/** What the child prints. */
interface Measured {
  readonly millis: Readonly<Record<string, number>>;
  readonly peakMiB: number;
}

/**
 * The verifier on one bundle with many receipts, from a file: layers by themselves and all together, beside the bare
 * check of as many signatures, by one core and by all.
 */
export async function benchVerification({ quick }: Effort): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-verification-"));
  try {
    const small = makeManyReceipts(folder, quick ? 300 : 10_000);
    const large = makeManyReceipts(folder, quick ? 1000 : 100_000);
    const one = oneCore(quick ? 300 : 2000);
    const all = await allCores(quick ? 300 : 2000);
    const layers = measure("layers", large).millis;
    const few = measure("all", small);
    const many = measure("all", large);
    const rate = (millis: number, of = large): number => (of.receipts / millis) * 1000;
    const whole = ({ millis }: Measured): number => Object.values(millis).reduce((sum, one) => sum + one, 0);
    const count = large.receipts.toLocaleString("en");
    const both = rate(layers.signaturesAndStructure ?? Number.NaN);
    const reading = (layers.hashingAndReading ?? 0) - (layers.hashing ?? 0);
    const each = layers.signatures ?? Number.NaN;
    const log = (layers.log ?? 0) + (layers.throughLog ?? 0);
    return [
      figure("ed25519Verifies", "floor: Ed25519 checks of 3 KB, one core", one, "/s", "floor"),
      figure("ed25519AllCores", "floor: Ed25519 checks of 3 KB, all cores", all, "/s", "floor"),
      figure("signatures", `signatures of ${count} receipts`, rate(each), "/s"),
      figure("signaturesToEd25519", "  over all cores' Ed25519 checks", rate(each) / all, "x", "ratio"),
      figure("signaturesAndStructure", "signatures and structure of them", both, "/s"),
      {
        ...figure("structureToEd25519", "  over all cores' Ed25519 checks", both / all, "x", "ratio"),
        target: { atLeast: 0.7 },
      },
      figure(
        "readToEd25519",
        "  the same, reading and parsing included",
        rate((layers.signaturesAndStructure ?? 0) + reading) / all,
        "x",
        "ratio",
      ),
      figure("throughLog", "receipts through the log, not individually checked", rate(log), "/s"),
      {
        ...figure("logToSignatures", "  over signatures, each checked", each / log, "x", "ratio"),
        target: { atLeast: 10 },
      },
      figure("verifiedReceipts", `all layers of ${count} receipts`, rate(whole(many)), "/s"),
      figure("verifiedToEd25519", "  over one core's Ed25519 checks", rate(whole(many)) / one, "x", "ratio"),
      ...Object.entries(many.millis)
        .filter(([, millis]) => millis > whole(many) / 100)
        .map(([layer, millis]) =>
          figure(`share-${layer}`, `  of it: ${layer}`, (1000 * millis) / large.receipts, "µs/receipt"),
        ),
      figure(
        "verifyFlat",
        "all layers, ten times the receipts: rate",
        rate(whole(many)) / rate(whole(few), small),
        "x",
        "ratio",
      ),
      figure("verifyPeak", `peak memory, ${count} receipts`, many.peakMiB, "MiB"),
      figure(
        "verifyPeakSmall",
        `peak memory, ${small.receipts.toLocaleString("en")} receipts`,
        few.peakMiB,
        "MiB",
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figure(
  id: string,
  name: string,
  value: number,
  unit: string,
  kind: "figure" | "floor" | "ratio" = "figure",
): Extract<Line, { value: number }> {
  return { id, name, kind, value, unit };
}

function measure(mode: "layers" | "all", { bundle, trust }: MadeBundle): Measured {
  const child = join(import.meta.dirname, "verification-child.ts");
  const args = ["--disable-warning=ExperimentalWarning", child, mode, bundle, trust];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 20 }));
}

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const message = Buffer.alloc(3000, 1);
const signature = sign(null, message, privateKey);

function oneCore(millis: number): number {
  return rateOf(() => verify(null, message, publicKey, signature), millis);
}

/** Checks on the host's own threads, as the verifier has them made. */
async function allCores(millis: number): Promise<number> {
  const check = (): Promise<boolean> =>
    new Promise((resolve, reject) =>
      verify(null, message, publicKey, signature, (error, holds) => (error ? reject(error) : resolve(holds))),
    );
  const began = performance.now();
  const until = function* (): Generator<number> {
    for (let n = 0; performance.now() - began < millis; n++) yield n;
  };
  let count = 0;
  for await (const _ of mapAhead(until(), 256, check)) count += 1;
  return (count / (performance.now() - began)) * 1000;
}
