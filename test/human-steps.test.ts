// Steps that people do, and steps that wait: for a signed answer, a signed webhook, a time. What does not fit, is not
// signed, comes again, late, or for a closed run; a clock that is set back and forward; and what a server with every
// issuer key cannot make of it.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { manual } from "../src/adapters/manual/manual-adapter.ts";
import { wait } from "../src/adapters/wait/wait-adapter.ts";
import { createSignalServer } from "../src/cli/signal-server.ts";
import type { Contract } from "../src/contract/contract.ts";
import { lintContract } from "../src/contract/lint-contract.ts";
import type { Signal } from "../src/contract/signal.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import type { JsonObject } from "../src/format/json.ts";
import { publicKeyText } from "../src/format/public-key.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { ANSWER_PAYLOAD_TYPE, APPROVAL_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { cancelRun } from "../src/run/cancel-run.ts";
import { recordAnswer } from "../src/run/record-answer.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { recordPrincipalDisabled } from "../src/run/record-governance.ts";
import { recordSignal } from "../src/run/record-signal.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes, stepOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import type { Forgery } from "./fixtures/forge-bundle.ts";
import { newSigner, openTestLane, signApproval, type TestLane } from "./fixtures/lane.ts";
import { exported, judge, retold, start, VALID, verdict } from "./fixtures/real-run.ts";

const lanes: TestLane[] = [];
afterEach(() => {
  for (const lane of lanes.splice(0)) lane.close();
});

function artifact(name: string) {
  return { name, mediaType: "application/json", required: true, sensitivity: "internal" as const };
}

const asks = exampleContract(
  {
    id: "example.manual",
    outputs: {
      type: "object",
      required: ["isolated", "by"],
      additionalProperties: false,
      properties: {
        isolated: { type: "boolean" },
        note: { type: "string", maxLength: 20 },
        by: { type: "string" },
      },
    },
    evidence: { artifacts: [artifact("answer")], maxBytes: "1MB" },
  },
  {
    adapter: "manual",
    with: { task: "'Pull the plug of ' + inputs.host", roles: "['approver', 'operator']", within: "'4h'" },
    outputs: { isolated: "result.answer.isolated", by: "result.by" },
  },
);
const { publicKey: senderKey, privateKey: sender } = generateKeyPairSync("ed25519");
const waits = (parameters: Record<string, string>, outputs: Record<string, string>, name: string): Contract =>
  exampleContract(
    {
      id: "example.wait",
      outputs: { type: "object", properties: { said: { type: "string" }, due: { type: "string" } } },
      evidence: { artifacts: [artifact(name)], maxBytes: "1MB" },
    },
    { adapter: "wait", with: parameters, outputs },
  );
const webhook = waits(
  { publicKey: `'${senderKey.export({ format: "der", type: "spki" }).toString("base64")}'`, within: "'1h'" },
  { said: "result.signal.said" },
  "signal",
);

async function open(
  contract: Contract,
  clock: () => number = Date.now,
): Promise<{ test: TestLane; run: string }> {
  const adapters = [noopAdapter, manual, wait];
  const test = await openTestLane({ adapters, contracts: [contract, exampleContract()], clock });
  lanes.push(test);
  const host = { host: "inputs.host" };
  const steps = [
    { id: "human", uses: `${contract.id}@1.0.0`, with: host },
    { id: "after", uses: "example.noop@1.0.0", with: host, needs: ["human"] },
  ];
  const run = await start(test, exampleRunbook({ steps }));
  await advance(test.lane, run);
  return { test, run };
}

const waiting = (test: TestLane, run: string) => viewRun(test.lane, run).steps[0]?.waitingFor;

async function answer(
  test: TestLane,
  run: string,
  given: JsonObject,
  { principal = "anna", signer = test.people.approver, ...changes }: Record<string, unknown> = {},
) {
  const statement = {
    purpose: "witnessops/answer/v1",
    invocation: `${run}/human`,
    actionDigest: waiting(test, run)?.actionDigest,
    answer: given,
    principal,
    signedAt: new Date().toISOString(),
    nonce: randomBytes(16).toString("hex"),
    ...changes,
  };
  const type = (changes.payloadType as string | undefined) ?? ANSWER_PAYLOAD_TYPE;
  delete (statement as Record<string, unknown>).payloadType;
  const envelope = await signEnvelope(signer as Signer, canonicalBytes(statement), type);
  return recordAnswer(test.lane, run, envelope);
}

function signalOf(
  body: string,
  { id = "msg_1", at = Date.now(), key = sender as KeyObject } = {},
): Signal & { headers: Record<string, string> } {
  const timestamp = Math.floor(at / 1000);
  const signature = `v1a,${sign(null, Buffer.from(`${id}.${timestamp}.${body}`), key).toString("base64")}`;
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signature,
  };
  const base = { schema: "witnessops/signal/v1" as const, id, timestamp, signature };
  return { ...base, body: Buffer.from(body).toString("base64"), headers };
}

const plain = ({ headers: _, ...signal }: ReturnType<typeof signalOf>): Signal => signal;
const bound = (run: string, more: JsonObject = { said: "done" }) =>
  JSON.stringify({ invocation: `${run}/human`, ...more });

describe("a step that a person does", () => {
  it("waits for their signed answer, which is evidence like any other", async () => {
    const { test, run } = await open(asks);
    expect(waiting(test, run)).toMatchObject({ what: "answer" });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    await answer(test, run, { isolated: true });
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "human")).toMatchObject({
      outcome: "executed",
      proofClass: "strong-proof",
      observed: { outputs: { isolated: true, by: "anna" } },
    });
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("does not take an answer that does not fit, or of somebody or for something else", async () => {
    const { test, run } = await open(asks);
    const before = test.lane.states.load(run).receipts;
    const refusals: [JsonObject, Record<string, unknown>, RegExp][] = [
      [{ isolated: "yes" }, {}, /isolated.*boolean/s],
      [{}, {}, /isolated/],
      [{ isolated: true, more: 1 }, {}, /`more` is no field of the form/],
      [{ isolated: true }, { principal: "olga", signer: test.people.owner }, /role-missing/],
      [{ isolated: true }, { principal: "eve" }, /principal-unknown/],
      [{ isolated: true }, { signer: test.people.operator }, /key-unknown/],
      [{ isolated: true }, { signer: newSigner() }, /key-unknown/],
      [{ isolated: true }, { actionDigest: `sha256:${"0".repeat(64)}` }, /waits for no answer to the action/],
      [{ isolated: true }, { invocation: `${run}/after` }, /waits for no answer/],
      [{ isolated: true }, { purpose: "witnessops/approval/v1" }, /payload-malformed/],
      [{ isolated: true }, { payloadType: APPROVAL_PAYLOAD_TYPE }, /payload-type/],
    ];
    for (const [given, changes, message] of refusals)
      await expect(answer(test, run, given, changes)).rejects.toThrow(message);
    expect(test.lane.states.load(run).receipts).toBe(before);
  });

  it("is not done by who was disabled since", async () => {
    const { test, run } = await open(asks);
    await answer(test, run, { isolated: true });
    await recordPrincipalDisabled(test.lane, "olga", "anna");
    await advance(test.lane, run);
    expect(waiting(test, run)).toMatchObject({ what: "answer" });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    await answer(test, run, { isolated: false }, { principal: "otto", signer: test.people.operator });
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "human")?.observed?.outputs).toEqual({ isolated: false, by: "otto" });
  });

  it("goes on by the first answer that counts, in the order in which they were recorded", async () => {
    const { test, run } = await open(asks);
    await answer(test, run, { isolated: true });
    await answer(test, run, { isolated: false }, { principal: "otto", signer: test.people.operator });
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "human")?.observed?.outputs).toEqual({ isolated: true, by: "anna" });
    const turned = await retold(test, [run], {
      gateRecord: (record) => {
        const { given, gates } = record;
        const last = gates.at(-1);
        if (given === undefined || given.length < 2 || last?.gate !== "input") return;
        Object.assign(record, { given: [...given].reverse() });
        Object.assign(last.facts, { input: given[1]?.digest });
      },
    });
    expect(turned.verdict).toBe("invalid");
    expect(turned.reasons.join("\n")).toContain("in another order than it was recorded");
  });

  it("went on by an answer of whom the reviewer does not know: another's later one does not stand for it", async () => {
    const { test, run } = await open(asks);
    await answer(test, run, { isolated: true });
    await answer(test, run, { isolated: false }, { principal: "otto", signer: test.people.operator });
    await advance(test.lane, run);
    const principals = test.trust.principals.filter(({ id }) => id !== "anna");
    const report = await verify(await exported(test.lane, [run]), { ...test.trust, principals });
    expect(report.verdict).toBe("indeterminate");
    expect(report.reasons.join("\n")).toContain("does not list `anna`, who answered a step");
  });

  it("is denied when nobody answers in time", async () => {
    let skew = 0;
    const { test, run } = await open(asks, () => Date.now() + skew);
    skew += 5 * 3_600_000;
    await expect(answer(test, run, { isolated: true })).rejects.toThrow(/it was waited for until/);
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]).toMatchObject({
      outcome: "denied",
      gate: "input",
      reason: "overdue",
    });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("comes after its approval, and each is asked for by itself", async () => {
    const authority = { roles: ["operator" as const], approval: "designated" as const };
    const { test, run } = await open({ ...asks, authority });
    expect(waiting(test, run)).toMatchObject({ what: "approval" });
    await expect(answer(test, run, { isolated: true })).rejects.toThrow(/waits for no answer/);
    const actionDigest = waiting(test, run)?.actionDigest ?? "";
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    await advance(test.lane, run);
    expect(waiting(test, run)).toMatchObject({ what: "answer" });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    await answer(test, run, { isolated: true }, { principal: "otto", signer: test.people.operator });
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("calls nobody, says lint", () => {
    const wrong = {
      ...asks,
      effect: "write" as const,
      execution: {
        ...asks.execution,
        idempotency: "unsafe" as const,
        outputs: { isolated: "true", by: "result.by" },
      },
    };
    expect(lintContract(wrong).map(({ path }) => path)).toEqual(
      expect.arrayContaining(["effect", "execution.idempotency", "execution.outputs.isolated"]),
    );
    expect(lintContract(asks).filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a step that waits for a webhook", () => {
  it("takes a signed one that names it, over HTTP, once", async () => {
    const { test, run } = await open(webhook);
    const recorded: string[] = [];
    const server = createSignalServer(test.lane, (one) => recorded.push(one)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const post = async (path: string, body: string, headers: Record<string, string>) => {
      const answered = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body, headers });
      return [answered.status, ((await answered.json()) as { error?: string }).error];
    };
    const path = `/runs/${run}/signal`;
    const good = signalOf(bound(run));
    const send = (signal: ReturnType<typeof signalOf>, to = path) =>
      post(to, Buffer.from(signal.body, "base64").toString(), signal.headers);
    try {
      expect(await post(path, bound(run), {})).toEqual([401, "the webhook is not signed"]);
      const { privateKey: other } = generateKeyPairSync("ed25519");
      expect(await send(signalOf(bound(run), { key: other }))).toEqual([
        401,
        "the webhook is refused: signature-invalid",
      ]);
      expect(await post(path, bound(run, { said: "no" }), good.headers)).toEqual([
        401,
        "the webhook is refused: signature-invalid",
      ]);
      expect(await send(signalOf(bound("0123456789abcdef")))).toEqual([
        409,
        "the webhook is refused: another-invocation",
      ]);
      const many = signalOf(bound(run));
      const signature = `${"v1a,AAAA ".repeat(4)}${many.signature}`;
      expect(await send({ ...many, headers: { ...many.headers, "webhook-signature": signature } })).toEqual([
        401,
        "the webhook is refused: signature-invalid",
      ]);
      expect(await send(signalOf("[]"))).toEqual([400, "the webhook is refused: body-malformed"]);
      expect(await send(signalOf(bound(run), { at: Date.now() - 600_000 }))).toEqual([
        401,
        "the webhook is refused: not-recent",
      ]);
      expect((await send(good, "/runs/0123456789abcdef/signal"))[0]).toBe(404);
      expect((await send(good, "/elsewhere"))[0]).toBe(404);
      expect((await post(path, "x".repeat(70_000), good.headers))[0]).toBe(413);
      expect(await endless(port, path)).toBeLessThan(10_000_000);
      expect(recorded).toEqual([]);

      expect(await send(good)).toEqual([202, undefined]);
      expect(await send(good)).toEqual([200, undefined]);
      expect(recorded).toEqual([run]);
      expect((await send(signalOf(bound(run, { said: "again" }), { id: "msg_2" })))[0]).toBe(409);
      await advance(test.lane, run);
      const report = await judge(test, [run]);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "human")).toMatchObject({
        outcome: "executed",
        observed: { outputs: { said: "done" } },
      });
      // The run is closed: the same again is known, another one is too late.
      expect(await send(good)).toEqual([200, undefined]);
      expect(await send(signalOf(bound(run), { id: "msg_3" }))).toEqual([
        409,
        "the webhook is refused: not-waiting",
      ]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("of a cancelled run takes none", async () => {
    const { test, run } = await open(webhook);
    await cancelRun(test.lane, run);
    expect(await recordSignal(test.lane, run, plain(signalOf(bound(run))))).toEqual({
      recorded: false,
      reason: "not-waiting",
    });
  });

  it("takes one of two that come at the same instant in two processes", async () => {
    const { test, run } = await open(webhook);
    const other = await test.again();
    const results = await Promise.all([
      recordSignal(test.lane, run, plain(signalOf(bound(run), { id: "msg_a" }))),
      recordSignal(other, run, plain(signalOf(bound(run), { id: "msg_b" }))),
    ]);
    expect(results.filter(({ recorded }) => recorded)).toHaveLength(1);
    await advance(test.lane, run);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});

describe("a step that waits for a time", () => {
  it.each([
    ["since it began to wait", { after: "'1h'" }],
    [
      "on the clock",
      { until: `'${new Date(Math.floor(Date.now() / 1000) * 1000 + 1_800_000).toISOString()}'` },
    ],
  ])("%s goes on when it has come", async (_, parameters) => {
    let skew = 0;
    const { test, run } = await open(
      waits(parameters, { due: "result.due" }, "time"),
      () => Date.now() + skew,
    );
    expect(waiting(test, run)).toMatchObject({ what: "time" });
    await advance(test.lane, run);
    expect(waiting(test, run)).toMatchObject({ what: "time" });
    skew += 3_700_000;
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("whose clock is set back stands still, and set forward is the host's word", async () => {
    let skew = 0;
    const { test, run } = await open(
      waits({ after: "'1h'" }, { due: "result.due" }, "time"),
      () => Date.now() + skew,
    );
    skew -= 3_600_000;
    await expect(advance(test.lane, run)).rejects.toMatchObject({ code: "CLOCK_BACKWARDS" });
    expect(test.lane.states.load(run).receipts).toBe(1);
    skew += 2 * 3_600_000 + 60_000;
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).outcome).toBe("completed");
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});

describe("a server that has every issuer key cannot", () => {
  const told = (
    test: TestLane,
    run: string,
    receipt: NonNullable<Forgery["receipt"]>,
    files: NonNullable<Forgery["files"]> = () => undefined,
  ) => retold(test, [run], { receipt, files });
  async function answered() {
    const { test, run } = await open(asks);
    await answer(test, run, { isolated: true });
    await advance(test.lane, run);
    return { test, run };
  }

  it("leave the receipt of the answer out", async () => {
    const { test, run } = await answered();
    const report = await told(test, run, ({ predicate }) => predicate.event !== "answer-recorded");
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("no receipt before the call records the answer");
  });

  it("keep the answer back", async () => {
    const { test, run } = await answered();
    const report = await told(
      test,
      run,
      () => undefined,
      (files) => {
        for (const path of files.keys()) if (path.startsWith("definitions/answer/")) files.delete(path);
      },
    );
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_COMPLETENESS");
  });

  it("change what was answered", async () => {
    const { test, run } = await answered();
    const report = await told(test, run, ({ predicate }) => {
      const { outputs } = predicate.invocation ?? {};
      if (predicate.step?.id === "human" && outputs !== undefined)
        Object.assign(outputs, { isolated: false });
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });

  it("answer by itself: the trust file does not know its key", async () => {
    const { test, run } = await answered();
    const principals = test.trust.principals.map((one) =>
      one.id === "anna"
        ? { ...one, keys: [{ publicKey: publicKeyText(newSigner().publicKey), custody: "held" as const }] }
        : one,
    );
    const report = await verify(await exported(test.lane, [run]), { ...test.trust, principals });
    expect(report.verdict).not.toBe("valid");
    expect(report.reasons.join()).toContain("was answered by nobody whom the trust file accepts");
  });

  it("let an answer count that nobody in the trust file gave", async () => {
    const { test, run } = await answered();
    const principals = test.trust.principals.filter(({ id }) => id !== "anna");
    const report = await verify(await exported(test.lane, [run]), { ...test.trust, principals });
    expect(report.verdict).toBe("indeterminate");
    expect(report.reasons.join()).toContain("does not list `anna`, who answered a step");
  });

  it("say that a time had come", async () => {
    let skew = 0;
    const { test, run } = await open(
      waits({ after: "'1h'" }, { due: "result.due" }, "time"),
      () => Date.now() + skew,
    );
    skew += 3_700_000;
    await advance(test.lane, run);
    const report = await retold(test, [run], {
      gateRecord: (record) => {
        if (record.action.step !== "human" || record.decision !== "allow") return;
        record.decidedAt = new Date(Date.parse(record.decidedAt) - 200_000).toISOString();
        for (const { facts } of record.gates) if ("now" in facts) facts.now = record.decidedAt;
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("gate `input` decides `pause`");
  });

  it("change a webhook", async () => {
    const { test, run } = await open(webhook);
    await recordSignal(test.lane, run, plain(signalOf(bound(run))));
    await advance(test.lane, run);
    const report = await told(test, run, ({ predicate }) => {
      const { outputs } = predicate.invocation ?? {};
      if (predicate.step?.id === "human" && outputs !== undefined) Object.assign(outputs, { said: "never" });
      return undefined;
    });
    expect(report.verdict).toBe("invalid");
    const without = await told(test, run, ({ predicate }) => predicate.event !== "signal-recorded");
    expect(codes(without)).toContain("FAILURE_APPROVAL_INVALID");
  });
});

/** Sends a body that never ends; answers how much of it was taken before the server hung up. */
function endless(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).on("close", () => resolve(socket.bytesWritten));
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    const more = (): void => {
      if (socket.destroyed) return;
      socket.write(`1000\r\n${"x".repeat(4096)}\r\n`, () => setImmediate(more));
    };
    more();
  });
}
