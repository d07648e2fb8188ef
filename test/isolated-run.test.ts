// Runs of an isolated tool through the whole lane: what the host offered is recorded, decided on, and told by the
// receipt; the verifier decides it again.
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import { exec } from "../src/adapters/exec/exec-adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import type { GateRecord } from "../src/contract/gate-record.ts";
import type { ReceiptPredicate } from "../src/contract/receipt-predicate.ts";
import { readReceipt } from "../src/receipt/read-receipt.ts";
import { advance } from "../src/run/advance.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract } from "./fixtures/contracts.ts";
import type { TestLane } from "./fixtures/lane.ts";
import { judge, open, retold, start, VALID, verdict } from "./fixtures/real-run.ts";

const missing =
  process.platform === "linux"
    ? (needProgram("bwrap", "bubblewrap") ?? needProgram("ip", "iproute2"))
    : "skipped: needs Linux";
const hostPath = process.env.PATH;
let accepted = 0;
const server = createServer((socket) => {
  accepted += 1;
  socket.on("error", () => undefined).end("hello\n");
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  process.env.PATH = hostPath;
  server.close();
});

function contract(isolation: Contract["execution"]["isolation"], changes: Partial<Contract> = {}): Contract {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return exampleContract(
    {
      scope: {
        subjects: [{ kind: "host", from: "inputs.host" }],
        endpoints: [{ host: "'127.0.0.1'", port }],
        actions: ["say hello"],
        disallowed: ["anything else"],
      },
      evidence: {
        artifacts: [{ name: "stdout", mediaType: "text/plain", required: true, sensitivity: "internal" }],
        maxBytes: "1MB",
      },
      ...changes,
    },
    {
      adapter: "exec",
      with: {
        command: "'bash'",
        args: ["'-c'", `'exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3'`],
        parse: "'text'",
      },
      outputs: { said: "result.stdout.text" },
      timeout: "20s",
      ...(isolation === undefined ? {} : { isolation }),
    },
  );
}

async function ran(test: TestLane) {
  const run = await start(test);
  await advance(test.lane, run);
  const [step] = viewRun(test.lane, run).steps;
  const receipt = test.lane.store.receipt(step?.receipt as `sha256:${string}`);
  return { run, step, invocation: receipt && readReceipt(receipt.payload).predicate.invocation };
}

/** Runs with a host that has the tool and no bubblewrap. */
async function without<T>(work: () => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bin-"));
  for (const name of ["bash", "cat"]) symlinkSync(`/bin/${name}`, join(folder, name));
  process.env.PATH = folder;
  try {
    return await work();
  } finally {
    process.env.PATH = hostPath;
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(missing !== undefined)("isolated tools in a run", () => {
  it("says in the receipt how the tool was held, and verifies", async () => {
    const test = await open([contract("required")], [exec]);
    const { run, step, invocation } = await ran(test);
    expect(step).toMatchObject({ outcome: "executed", outputs: { said: "hello\n" } });
    expect(invocation).toMatchObject({
      isolation: { network: "namespace", files: "mounts", tool: expect.stringMatching(/^bubblewrap /) },
      egress: "kernel-held",
      attempts: [{ resolvedAddress: "127.0.0.1" }],
    });
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(JSON.stringify(report)).toContain("isolation network namespace, files mounts (bubblewrap");
  });

  it("lets an intrusive tool that is held into production, as the default policy has it", async () => {
    const intrusive: Partial<Contract> = {
      effect: "intrusive",
      authority: { roles: ["operator"], approval: "designated" },
    };
    const held = await ran(await open([contract("required", intrusive)], [exec]));
    expect(held.step).toMatchObject({ outcome: "paused", waitingFor: { what: "approval" } });
    const unheld = await ran(await open([contract("none", intrusive)], [exec]));
    expect(unheld.step).toMatchObject({ outcome: "denied", gate: "policy", reason: "policy-denied" });
  });

  it("is denied where it is required and the host cannot, and nothing is dialled", async () => {
    const before = accepted;
    const test = await open([contract("required")], [exec]);
    const { run, step, invocation } = await without(() => ran(test));
    expect(step).toMatchObject({
      outcome: "denied",
      gate: "environment",
      reason: "isolation-unavailable",
    });
    expect(invocation).toMatchObject({ isolation: "none", egress: "unguarded", attempts: [] });
    expect(accepted).toBe(before);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(JSON.stringify(report)).toContain("refused, bubblewrap-missing");
  });

  it("says unguarded where it is preferred and the host cannot", async () => {
    const test = await open([contract("preferred")], [exec]);
    const { run, step, invocation } = await without(() => ran(test));
    expect(step).toMatchObject({ outcome: "executed" });
    expect(invocation).toMatchObject({ isolation: "none", egress: "unguarded" });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("is told by nobody who holds the issuer key where there was none", async () => {
    const test = await open([contract("none")], [exec]);
    const { run } = await ran(test);
    const held = { network: "namespace", files: "mounts", tool: "bubblewrap 0.8.0" } as const;
    const claim = ({ predicate }: { predicate: ReceiptPredicate }) => {
      const { invocation } = predicate;
      if (invocation === undefined) return undefined;
      invocation.isolation = { ...held };
      invocation.egress = "kernel-held";
      return undefined;
    };
    const receiptOnly = await retold(test, [run], { receipt: claim });
    expect([receiptOnly.verdict, codes(receiptOnly)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
    const gateRecord = (record: GateRecord) => {
      record.adapter.isolation = { ...held };
      record.adapter.egress = "kernel-held";
    };
    // Its contract asks for no isolation: whatever the host offered, there was none.
    const both = await retold(test, [run], { receipt: claim, gateRecord });
    expect([both.verdict, codes(both)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    const offered = (record: GateRecord) => {
      gateRecord(record);
      record.live.isolation = { held: { ...held } };
    };
    const all = await retold(test, [run], { receipt: claim, gateRecord: offered });
    expect([all.verdict, codes(all)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });

  it("is not let through by a record that says the host could not", async () => {
    const test = await open([contract("required")], [exec]);
    const { run } = await ran(test);
    const gateRecord = (record: GateRecord) => {
      record.live.isolation = { refused: "namespaces-refused" };
    };
    const report = await retold(test, [run], { gateRecord });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });
});
