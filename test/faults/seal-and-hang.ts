// seal-and-hang.ts <folder> capture|retire|remove <text>: a workspace whose process is killed at a chosen moment. `capture`: while
// secret bytes are being captured. `retire`: after a retirement was recorded, before anything was removed. `remove`: in
// the middle of removing. Prints what another process needs, one JSON line, and hangs.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Adapter } from "../../src/adapter/adapter.ts";
import { canonicalBytes } from "../../src/format/canonical-json.ts";
import { signEnvelope } from "../../src/format/signer.ts";
import { LIFECYCLE_PAYLOAD_TYPE } from "../../src/format/statement.ts";
import { advance } from "../../src/run/advance.ts";
import { recordLifecycle } from "../../src/run/record-evidence.ts";
import { removeRetired } from "../../src/run/remove-retired.ts";
import { startRun } from "../../src/run/start-run.ts";
import { RECIPIENT } from "../fixtures/age-keys.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "../fixtures/contracts.ts";
import { openTestLane } from "../fixtures/lane.ts";

const [folder = "", mode = "", text = ""] = process.argv.slice(2);

// More than is gathered in memory before it is written.
const size = 3_000_000;

const adapter: Adapter = {
  ...noopAdapter,
  async run(call) {
    const writer = call.capture.open("answer", { source: "vault" });
    for (let written = 0; written < size; written += text.length) await writer.write(Buffer.from(text));
    if (mode === "capture") await hang({});
    await writer.end();
    return { ok: true, result: { said: "done" } };
  },
};
const contract = exampleContract({
  evidence: {
    artifacts: [
      {
        name: "answer",
        mediaType: "text/plain",
        required: true,
        sensitivity: mode === "capture" ? "secret" : "internal",
      },
    ],
    maxBytes: "10MB",
  },
});
const test = await openTestLane({
  adapters: [adapter],
  contracts: [contract],
  engagement: { evidence: { recipients: [RECIPIENT] } },
  folder,
});
const { lane } = test;
const runbook = exampleRunbook();
await test.authorize(runbook);
const started = await startRun(lane, {
  runbook,
  engagement: "acme",
  inputs: { host: "www.example.test" },
  requester: "otto",
});
if (!started.started) throw new Error(started.problems.join("; "));
const { run } = started;
await advance(lane, run);
const answer = lane.store.artifacts(run).find(({ artifact }) => artifact.name === "answer")?.artifact;
const statement = {
  purpose: "witnessops/lifecycle/v1",
  action: "retire",
  engagement: "acme",
  run,
  artifact: answer?.id,
  digest: answer?.digest,
  principal: "olga",
  reason: "the term is over",
  signedAt: new Date().toISOString(),
  nonce: randomBytes(16).toString("hex"),
};
const envelope = await signEnvelope(test.people.owner, canonicalBytes(statement), LIFECYCLE_PAYLOAD_TYPE);
await recordLifecycle(lane, envelope, { action: "retire", artifact: answer?.id ?? "" });
const report = { run, shared: test.shared(), trust: test.trust };
if (mode === "retire") await hang(report);
const { files } = lane;
await removeRetired({
  ...lane,
  files: {
    ...files,
    remove(digest) {
      files.remove(digest);
      print(report);
      // Inside the transaction: nothing else may happen in this process.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  },
});

async function hang(value: object): Promise<never> {
  print(value);
  for (;;) await delay(60_000);
}

function print(value: object): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}
