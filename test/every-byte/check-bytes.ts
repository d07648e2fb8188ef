// A worker: changes each byte of its share of a bundle, one at a time, and names those after which it is still valid.
import { parentPort, workerData } from "node:worker_threads";
import { memoryBundle, type Trust, verifyBundle } from "../../src/verifier/index.ts";

/** What a worker is given: a bundle, a trust file, and every which byte it takes. */
export interface Share {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly trust: Trust;
  readonly of: number;
  readonly nth: number;
}

const { files, trust, of, nth } = workerData as Share;
const valid: string[] = [];
let tried = 0;
let position = 0;
for (const [path, bytes] of files) {
  for (let at = 0; at < bytes.length; at++) {
    if (position++ % of !== nth) continue;
    const changed = Uint8Array.from(bytes);
    // Another bit each time: case, sign and low bits all get their turn.
    changed[at] = (bytes[at] as number) ^ (1 << (at % 8));
    const report = await verifyBundle(memoryBundle(new Map(files).set(path, changed)), trust);
    if (report.verdict === "valid" && !report.ignoredFiles.includes(path)) valid.push(`${path} ${at}`);
    tried++;
  }
}
parentPort?.postMessage({ tried, valid });
