import { createHash } from "node:crypto";
import { join } from "node:path";
import { startS3Server } from "../s3-server.ts";
import type { LiveSystem } from "./live-system.ts";

/** An S3-compatible store. What it lacks of S3 is added before it, see `startS3Server`. */
export const s3rver: LiveSystem = {
  name: "s3rver (npm), with checksums and If-None-Match added before it",
  contracts: ["s3.put-evidence", "s3.object-head", "s3.get-object", "s3.list"],
  missing: () => undefined,
  async start(folder) {
    const server = await startS3Server(join(folder, "s3"));
    const text = "seen at 08:00\n";
    const sha256 = createHash("sha256").update(text).digest("hex");
    const at = { host: "127.0.0.1", port: server.port, region: "eu-central-1", bucket: server.bucket };
    const key = "case-7/note.txt";
    return {
      network: { extraCa: server.ca },
      secrets: {
        "env:S3_ACCESS_KEY_ID": server.accessKeyId,
        "env:S3_SECRET_ACCESS_KEY": server.secretAccessKey,
      },
      close: () => server.local.close(),
      calls: {
        "s3.put-evidence": { inputs: { ...at, key, text, sha256 }, outputs: { sha256, verified: true } },
        "s3.object-head": { inputs: { ...at, key }, outputs: { found: true, sha256 } },
        "s3.get-object": { inputs: { ...at, key }, outputs: { sha256, verified: true } },
        "s3.list": { inputs: { ...at, prefix: "case-7/" }, outputs: { count: 1, more: false } },
      },
    };
  },
};
