// verification-child.ts <layers|all> <bundle> <trust>: verifies once and prints what took how long, as JSON. A process of
// its own, so that its peak memory is that of the verification.
import { readFileSync } from "node:fs";
import { fileSource } from "../src/cli/bundle-folder.ts";
import { anchorOf } from "../src/verifier/anchor.ts";
import { openBundle } from "../src/verifier/bundle.ts";
import { claimedRuns } from "../src/verifier/claimed-runs.ts";
import { evidenceOf } from "../src/verifier/evidence.ts";
import { hashFiles } from "../src/verifier/hash-files.ts";
import { parseTrust, tarBundle, verifyBundle } from "../src/verifier/index.ts";
import { defaultLimits } from "../src/verifier/limits.ts";
import { checkLog } from "../src/verifier/log.ts";
import { checkSignatures } from "../src/verifier/signatures.ts";
import { checkStructure } from "../src/verifier/structure.ts";
import { peakMiB } from "./peak-memory.ts";

const [mode, bundlePath = "", trustPath = ""] = process.argv.slice(2);
const trust = parseTrust(readFileSync(trustPath, "utf8"));
const source = tarBundle(fileSource(bundlePath));
const millis: Record<string, number> = {};

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  millis[name] = performance.now() - began;
  return result;
}

if (mode === "all") {
  let last = "reading";
  let began = performance.now();
  const lap = (next: string): void => {
    millis[last] = performance.now() - began;
    last = next;
    began = performance.now();
  };
  const { verdict, reasons } = await verifyBundle(source, trust, { onLayer: lap });
  lap("");
  if (verdict !== "valid") throw new Error(`the bundle is ${verdict}: ${JSON.stringify(reasons)}`);
} else {
  await timed("hashing", () => hashFiles(source, defaultLimits));
  const bundle = await timed("hashingAndReading", () => openBundle(source, defaultLimits));
  const runs = claimedRuns(bundle);
  const anchor = anchorOf(trust);
  const opening = { opener: undefined, maxBytes: defaultLimits.maxDocumentBytes };
  const structureOf = () => checkStructure(bundle, runs, evidenceOf(bundle, runs), opening);
  const [signatures, structure] = await timed("signaturesAndStructure", () =>
    Promise.all([checkSignatures(bundle, anchor, runs), structureOf()]),
  );
  const alone = await timed("signatures", () => checkSignatures(bundle, anchor, runs));
  const log = await timed("log", () => checkLog(bundle, runs, anchor));
  const through = await timed("throughLog", () =>
    checkSignatures(
      bundle,
      anchor,
      runs,
      undefined,
      ({ digest, predicate }) => predicate.ledger.stream !== "workspace" && log.isLogged(digest),
    ),
  );
  const verified = [signatures, alone].map((one) => one.verified.size);
  const sound = [signatures.layer, structure.layer, log.layer].every(({ internal }) => internal === "ok");
  if (!sound || verified.some((count) => count !== bundle.receipts.length))
    throw new Error("the layers do not hold");
  if (through.unchecked.size + through.verified.size !== bundle.receipts.length)
    throw new Error("the log does not stand for what is not checked");
}
console.log(JSON.stringify({ millis, peakMiB: peakMiB() }));
