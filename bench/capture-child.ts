// capture-child.ts sha256|write|capture <folder> <bytes>: takes one stream in one way, in a process of its own so
// that its memory can be told, and prints the seconds and the peak as JSON.
import { createHash, randomFillSync } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { openCapture } from "../src/evidence/capture.ts";
import { openArtifactFolder } from "../src/store/artifact-folder.ts";
import { peakMiB } from "./peak-memory.ts";

const [mode = "", folder = "", size = "0"] = process.argv.slice(2);
const total = Number(size);
const MIB = 1024 * 1024;
/** As a socket hands them over. */
const STREAM_CHUNK = 64 * 1024;
const pattern = randomFillSync(Buffer.allocUnsafe(16 * MIB));

function* chunks(length: number): Iterable<Buffer> {
  for (let at = 0; at < total; at += length) {
    const start = at % pattern.length;
    yield pattern.subarray(start, start + Math.min(length, total - at));
  }
}

async function sha256(): Promise<void> {
  const hash = createHash("sha256");
  for (const chunk of chunks(MIB)) hash.update(chunk);
  hash.digest();
}

async function write(): Promise<void> {
  const path = join(folder, "floor");
  const file = await open(path, "wx");
  for (const chunk of chunks(MIB)) await file.write(chunk);
  await file.sync();
  await file.close();
  seconds();
  await rm(path);
}

async function capture(): Promise<void> {
  const attempt = openCapture({
    rules: [{ name: "body", mediaType: "application/octet-stream", required: true, sensitivity: "internal" }],
    maxBytes: total,
    idPrefix: "bench/capture/1",
    secrets: [],
    files: openArtifactFolder(join(folder, "artifacts")),
    clock: Date.now,
  });
  const body = attempt.open("body", { source: "bench" });
  for (const chunk of chunks(STREAM_CHUNK)) await body.write(chunk);
  await body.end();
  const [captured] = await attempt.finish();
  seconds();
  if (captured?.artifact.size !== total || !captured.artifact.exact)
    throw new Error("the capture is not whole");
  await rm(join(folder, "artifacts"), { recursive: true });
}

let took: number | undefined;
/** The clock stops here, before what was measured is removed. */
function seconds(): number {
  took ??= (performance.now() - started) / 1000;
  return took;
}

const started = performance.now();
if (mode === "sha256") await sha256();
else if (mode === "write") await write();
else await capture();
console.log(JSON.stringify({ seconds: seconds(), peakMiB: peakMiB() }));
