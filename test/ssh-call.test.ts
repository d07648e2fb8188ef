// A command over SSH through the governed path, on a real server: verified, its key masked where the host shows it; in doubt
// when the connection is lost after the command was sent, and settled by the contract's own read-back.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ssh } from "../src/adapters/ssh/ssh-adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import { stepOf } from "./fixtures/check-bundle.ts";
import { exampleRunbook } from "./fixtures/contracts.ts";
import { exported, judge, open, start, VALID, verdict } from "./fixtures/real-run.ts";
import { noSshServer, type SshServer, startSshServer } from "./ssh-server.ts";

const folder = mkdtempSync(join(tmpdir(), "witnessops-ssh-call-"));
let server: SshServer;
beforeAll(async () => {
  if (noSshServer !== undefined) return;
  server = await startSshServer();
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The contract of the catalog that asks for a host's facts, with another command. */
function commanding(argv: readonly string[], changes: Partial<Contract> = {}): Contract {
  const file = join(import.meta.dirname, "../catalog/ssh/host-facts.yaml");
  const contract = parseContract(readFileSync(file, "utf8"), { file });
  const execution = {
    ...contract.execution,
    with: { ...contract.execution.with, argv: JSON.stringify(argv) },
    outputs: { lines: "result.stdout.lines" },
    ...changes.execution,
  };
  const outputs = { type: "object", properties: { lines: { type: "array" } } } as Contract["outputs"];
  return { ...contract, outputs, ...changes, execution };
}

async function call(contracts: readonly [Contract, ...Contract[]]) {
  const test = await open(contracts, [ssh]);
  // What `env:SSH_PRIVATE_KEY` gives; a last line feed is dropped as everywhere.
  const lane: Lane = { ...test.lane, resolveSecret: async () => ({ ok: true, value: server.key.trimEnd() }) };
  const inputs = {
    host: "'127.0.0.1'",
    port: server.port,
    user: `'${server.user}'`,
    hostKeys: `['${server.hostKey}']`,
  };
  const step = { id: "ask", uses: `${contracts[0].id}@1.0.0`, with: inputs };
  const scope = { include: [{ kind: "host" as const, from: "'127.0.0.1'" }] };
  const run = await start(test, exampleRunbook({ steps: [step], scope }));
  await advance(lane, run);
  const report = await judge(test, [run], lane);
  expect(verdict(report)).toEqual(VALID);
  return { report, step: stepOf(report, "ask"), files: await exported(lane, [run]) };
}

describe.skipIf(noSshServer !== undefined)("a command over SSH", () => {
  it("is proven, and the key that the host shows is masked", async () => {
    const path = join(folder, "key");
    writeFileSync(path, server.key, { mode: 0o600 });
    const { step, files } = await call([commanding(["sh", "-c", `uname; cat ${path}`])]);
    expect(step).toMatchObject({ outcome: "executed", proofClass: "strong-proof" });
    const texts = [...files.values()].map((bytes) => Buffer.from(bytes).toString("latin1"));
    // Receipts hold their statements as base64.
    const payloads = texts.flatMap((text) =>
      [...text.matchAll(/"payload":"([^"]+)"/g)].map(([, one = ""]) => atob(one)),
    );
    const everything = [...texts, ...payloads].join("\n");
    expect(everything).toContain(server.fingerprint);
    for (const line of server.key.split("\n").filter((one) => one.length > 40))
      expect(everything.includes(line)).toBe(false);
  }, 30_000);

  it("whose connection is lost is in doubt, and read back", async () => {
    const marker = join(folder, "done");
    const reading = commanding(["sh", "-c", `test -e ${marker} && echo yes || echo no`]);
    const confirm = {
      uses: "ssh.host-facts@1.0.0",
      after: "200ms",
      with: { host: "inputs.host", port: "inputs.port", user: "inputs.user", hostKeys: "inputs.hostKeys" },
      happened: "outputs.lines == ['yes']",
      notHappened: "outputs.lines == ['no']",
    };
    const argv = ["sh", "-c", `: > ${marker}; kill -KILL $PPID; sleep 2`];
    const plain = commanding(argv, { id: "ssh.mark", effect: "write" });
    const { retry: _, ...execution } = plain.execution;
    const acting = { ...plain, execution: { ...execution, idempotency: "unsafe" as const, confirm } };
    const { report, step } = await call([acting, reading]);
    expect(existsSync(marker)).toBe(true);
    expect(step).toMatchObject({ outcome: "executed", reasons: ["the outcome is what a read-back found"] });
    expect(report.steps[1]).toMatchObject({ readBack: 1, outcome: "executed", proofClass: "strong-proof" });
  }, 30_000);
});
