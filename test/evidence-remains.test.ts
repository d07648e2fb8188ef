// What is left behind, or slips through, where evidence is refused, raced for, or goes away: copies of it on the disk,
// receipts after the last one, bundles that contradict themselves, and releases that vouch for something else.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Adapter } from "../src/adapter/adapter.ts";
import type { Artifact } from "../src/contract/artifact.ts";
import type { Sensitivity } from "../src/contract/vocabulary.ts";
import { ageOpener } from "../src/evidence/age.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { digestOf } from "../src/format/digest.ts";
import { requestDigest } from "../src/gate/request-digest.ts";
import { advance } from "../src/run/advance.ts";
import { cancelRun } from "../src/run/cancel-run.ts";
import { importArtifact } from "../src/run/import-artifact.ts";
import type { Lane } from "../src/run/lane.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import {
  recordClassification,
  recordHold,
  recordLifecycle,
  recordRelease,
} from "../src/run/record-evidence.ts";
import { redactArtifact } from "../src/run/redact-artifact.ts";
import { removeRetired, removeUnrecorded } from "../src/run/remove-retired.ts";
import { requestApproval } from "../src/run/request-approval.ts";
import type { Store } from "../src/run/store.ts";
import { renderReport } from "../src/verifier/index.ts";
import { IDENTITY, OTHER_RECIPIENT, RECIPIENT } from "./fixtures/age-keys.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import { filesHolding } from "./fixtures/files-holding.ts";
import { signApproval, type TestLane } from "./fixtures/lane.ts";
import { lifecycleWord } from "./fixtures/lifecycle-word.ts";
import { exported, judge, open, resolve, retold, start, VALID, verdict } from "./fixtures/real-run.ts";

const SECRET = `the key is ${randomBytes(24).toString("hex")}`;
/** More than fits into the database. */
const LARGE = SECRET.repeat(4000);
const asks = exampleContract({
  id: "example.asks",
  effect: "intrusive",
  authority: { roles: ["operator"], approval: "designated" },
});

function writing(text: string): Adapter {
  return {
    ...noopAdapter,
    async run(call) {
      const writer = call.capture.open("answer", { source: "vault" });
      await writer.write(Buffer.from(text));
      await writer.end();
      return { ok: true, result: { said: "done" } };
    },
  };
}

async function workspace(text = SECRET, sensitivity: Sensitivity = "internal") {
  const artifacts = [{ name: "answer", mediaType: "text/plain", required: true, sensitivity }];
  const contract = exampleContract({ evidence: { artifacts, maxBytes: "10MB" } });
  return open([contract, asks], [writing(text)], { evidence: { recipients: [RECIPIENT] } });
}

async function done(text = SECRET, sensitivity: Sensitivity = "internal") {
  const test = await workspace(text, sensitivity);
  const run = await start(test);
  await advance(test.lane, run);
  return { test, run, answer: artifactOf(test, run, "answer") };
}

/** A run that waits, so that it is open. */
async function waiting(test: TestLane): Promise<string> {
  const run = await start(test, exampleRunbook({}, 1, "example.asks@1.0.0"));
  await advance(test.lane, run);
  return run;
}

function artifactOf({ lane }: TestLane, run: string, name: string): Artifact {
  const found = lane.store.artifacts(run).find(({ artifact }) => artifact.name === name);
  if (found === undefined) throw new Error(`no artifact ${name}`);
  return found.artifact;
}

const about = (artifact: string, principal = "olga") => ({ artifact, principal, reason: "the term is over" });

async function retire(test: TestLane, artifact: Artifact, lane = test.lane): Promise<void> {
  await recordLifecycle(lane, await lifecycleWord(test, artifact), {
    action: "retire",
    artifact: artifact.id,
  });
}

async function* once(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

function redact(
  test: TestLane,
  source: string,
  text: string,
  signer = test.people.operator,
  sensitivity = "internal",
) {
  const redaction = { source, sensitivity: sensitivity as "internal", by: "otto", bytes: once(text) };
  return redactArtifact(test.lane, redaction, (derived) =>
    lifecycleWord(test, derived, { action: "redact", derivedFrom: source, principal: "otto" }, signer),
  );
}

const events = (test: TestLane, stream: string) => test.lane.store.receipts(stream).map(({ event }) => event);

describe("a redacted copy that is refused", () => {
  it("leaves nothing on the disk: nobody could retire it", async () => {
    const { test, answer } = await done("x");
    await expect(redact(test, answer.id, LARGE, test.people.approver)).rejects.toMatchObject({
      code: "STATEMENT_REFUSED",
    });
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    await redact(test, answer.id, LARGE);
    expect(filesHolding(test.folder, SECRET)).toHaveLength(1);
    await expect(redact(test, answer.id, LARGE, test.people.approver)).rejects.toThrow();
    // An artifact has these bytes by now.
    expect(filesHolding(test.folder, SECRET)).toHaveLength(1);
  });

  it("of what was retired does not bring the bytes back", async () => {
    const { test, answer } = await done(LARGE);
    await retire(test, answer);
    expect(await removeRetired(test.lane)).toBe(0);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    await expect(redact(test, answer.id, LARGE)).rejects.toThrow(/may not redact .*: retired/);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
  });

  it("is one with nothing left out: it would lower what may not be lowered", async () => {
    const { test, run, answer } = await done(SECRET, "confidential");
    await expect(recordClassification(test.lane, about(answer.id), "public")).rejects.toThrow(/lowered/);
    await expect(redact(test, answer.id, SECRET, test.people.operator, "public")).rejects.toThrow(
      /unchanged/,
    );
    expect(events(test, "engagement:acme")).not.toContain("artifact-redacted");
    // A host that records it all the same is found.
    const { artifact } = await redact(test, answer.id, "the key is [masked]");
    const envelope = await lifecycleWord(
      test,
      { id: artifact.id, digest: answer.digest },
      { action: "redact", derivedFrom: answer.id, principal: "otto" },
      test.people.operator,
    );
    const { envelopeToJson, envelopeDigest } = await import("../src/format/dsse.ts");
    const lifecycle = envelopeDigest(envelope);
    const report = await retold(test, [run], {
      receipt: (draft) => {
        if (draft.predicate.event !== "artifact-redacted") return undefined;
        draft.predicate.artifacts = [{ ...artifact, digest: answer.digest, size: answer.size }];
        draft.predicate.detail = { lifecycle };
        draft.subject = [{ name: artifact.id, digest: { sha256: answer.digest.slice(7) } }];
        return undefined;
      },
      files: (files) => {
        for (const path of files.keys()) if (path.startsWith("definitions/lifecycle/")) files.delete(path);
        const path = `definitions/lifecycle/${lifecycle.slice(7)}.json`;
        files.set(path, canonicalBytes(envelopeToJson(envelope)));
      },
    });
    expect(codes(report)).toEqual(["FAILURE_APPROVAL_INVALID"]);
  });
});

describe("an import", () => {
  it("into a run that ends meanwhile is refused, and leaves no bytes and no receipt after the last", async () => {
    const test = await workspace();
    const run = await waiting(test);
    const other = await test.again();
    async function* slow(): AsyncIterable<Uint8Array> {
      yield Buffer.from(LARGE);
      expect((await cancelRun(other, run)).closed).toBeDefined();
    }
    const evidence = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto" };
    await expect(
      importArtifact(test.lane, run, { ...evidence, sensitivity: "internal", bytes: slow() }),
    ).rejects.toMatchObject({ code: "RUN_CLOSED" });
    expect(events(test, `run:${run}`)).not.toContain("artifact-imported");
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("while others move the run is recorded", async () => {
    const test = await workspace();
    const run = await waiting(test);
    const other = await test.again();
    const evidence = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto" };
    const two = [test.lane, other].map((lane, n) =>
      importArtifact(lane, run, { ...evidence, sensitivity: "internal", bytes: once(`note ${n}`) }),
    );
    await Promise.all(two);
    expect(events(test, `run:${run}`).filter((event) => event === "artifact-imported")).toHaveLength(2);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});

/** A lane whose engagement's stream moves right after it was read for an export. */
function movedAfterReading(lane: Lane, move: () => Promise<void>): Lane {
  const moved = Promise.withResolvers<void>();
  let read = false;
  const store: Store = {
    ...lane.store,
    receipts(stream, from) {
      const rows = lane.store.receipts(stream, from);
      if (stream === "engagement:acme" && !read) {
        read = true;
        move().then(moved.resolve, moved.reject);
      }
      return rows;
    },
    timestamps: (receipt) => lane.store.timestamps(receipt),
  };
  const log = {
    refusal: undefined,
    // The log is asked after the receipts were read; it takes its time.
    checkpoint: async () => {
      await moved.promise;
      return undefined;
    },
  };
  return { ...lane, store, log: log as unknown as NonNullable<Lane["log"]> };
}

describe("an export", () => {
  it("is of one moment: what is retired or classified meanwhile is in the next one", async () => {
    const { test, run, answer } = await done();
    const lane = movedAfterReading(test.lane, () => retire(test, answer));
    expect(verdict(await judge(test, [run], lane))).toEqual(VALID);
    expect((await judge(test, [run])).evidence.retired).toHaveLength(1);

    const open = await waiting(test);
    const evidence = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto" };
    const note = await importArtifact(test.lane, open, { ...evidence, bytes: once("somebody's name") });
    const path = `artifacts/sha256/${note.digest.slice(7)}`;
    const during = movedAfterReading(test.lane, async () => {
      await recordClassification(test.lane, about(note.id), "internal");
    });
    // By its receipts nobody has classified it.
    expect((await exported(during, [open])).has(path)).toBe(false);
    expect((await exported(test.lane, [open])).has(path)).toBe(true);
  });

  it("of bytes that are gone by right is remarked on when it still carries them", async () => {
    const { test, run, answer } = await done();
    await retire(test, answer);
    const path = `artifacts/sha256/${answer.digest.slice(7)}`;
    const report = await retold(test, [run], { files: (files) => void files.set(path, Buffer.from(SECRET)) });
    expect(codes(report)).toEqual([]);
    expect(report.evidence.carried).toEqual([
      { artifact: answer.id, digest: answer.digest, although: "retired" },
    ]);
    expect(renderReport(report)).toContain(`${answer.id}: retired, and this bundle still carries its bytes`);

    const second = await start(test);
    await advance(test.lane, second);
    const shared = await judge(test, [run, second]);
    expect(shared.evidence.carried).toEqual([]);

    const open = await waiting(test);
    const evidence = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto" };
    const note = await importArtifact(test.lane, open, { ...evidence, bytes: once("somebody's name") });
    const leaked = await retold(test, [open], {
      files: (files) =>
        void files.set(`artifacts/sha256/${note.digest.slice(7)}`, Buffer.from("somebody's name")),
    });
    expect(leaked.evidence.carried).toMatchObject([{ artifact: note.id, although: "quarantined" }]);
    expect((await judge(test, [open])).evidence.carried).toEqual([]);
  });
});

describe("a release", () => {
  it("of a sealed artifact that vouches for something else is found", async () => {
    const { test, run, answer } = await done(SECRET, "secret");
    const released = { digest: `sha256:${"1".repeat(64)}`, recipient: OTHER_RECIPIENT } as const;
    const commitment = answer.sealed?.commitment as `sha256:${string}`;
    await recordRelease(test.lane, about(answer.id), { ...released, commitment });
    // Twice is twice recorded.
    await recordRelease(test.lane, about(answer.id), { ...released, commitment });
    const options = { open: await ageOpener(IDENTITY) };
    const told = await retold(test, [run], {}, test.lane, options);
    expect(verdict(told)).toEqual(VALID);
    expect(told.evidence.released).toMatchObject([{ reason: "the term is over" }, { by: "olga" }]);
    expect(renderReport(told)).toMatch(
      /released to\s+age1\S+ by olga at\s+\S+ \(host's claim\): the term is over/,
    );
    const forged = await retold(
      test,
      [run],
      {
        receipt: ({ predicate }) => {
          if (predicate.event === "artifact-released")
            Object.assign(predicate.detail ?? {}, { commitment: `sha256:${"0".repeat(64)}` });
          return undefined;
        },
      },
      test.lane,
      options,
    );
    expect(codes(forged)).toEqual(["FAILURE_DIGEST_MISMATCH"]);
  });
});

describe("a hold and a retirement", () => {
  it("in two processes at once: one comes first, and the other is decided after it", async () => {
    for (let n = 0; n < 6; n++) {
      const { test, run, answer } = await done();
      const other = await test.again();
      const hold = () => recordHold(other, about(answer.id));
      const end = () => retire(test, answer);
      const both = await Promise.allSettled(n % 2 === 0 ? [hold(), end()] : [end(), hold()].reverse());
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      await removeRetired(test.lane);
      const isHeld = events(test, "engagement:acme").includes("artifact-held");
      expect(filesHolding(test.folder, SECRET).length > 0).toBe(isHeld);
      expect(verdict(await judge(test, [run]))).toEqual(VALID);
    }
  });
});

describe("what a list is over", () => {
  it("may be retired while the approval of the list is asked for", async () => {
    const runbook = exampleRunbook({
      id: "each",
      scope: { include: ["host:*.example.test"] },
      steps: [
        { id: "first", uses: "example.noop@1.0.0", with: { host: "inputs.host" } },
        {
          id: "each",
          uses: "example.asks@1.0.0",
          needs: ["first"],
          with: { host: "each" },
          forEach: {
            in: "[steps.first.outputs.said + '.example.test', 'b.example.test']",
            max: 5,
            key: "each",
          },
        },
      ],
    });
    const test = await workspace(SECRET, "secret");
    const run = await start(test, runbook);
    await advance(test.lane, run);
    for (const name of ["answer", "result"]) await retire(test, artifactOf(test, run, name));
    expect(await removeRetired(test.lane)).toBe(0);
    const state = test.lane.states.load(run);
    const step = state.steps[1];
    const [item] = step?.invocations ?? [];
    if (step === undefined || item === undefined) throw new Error("nothing was expanded");
    const actionDigest = requestDigest(await requestApproval(test.lane, state, item, step.invocations));
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    const closed = await advance(test.lane, run);
    expect(closed.closed).toBeDefined();
    const report = await judge(test, [run]);
    // The list's own calls are sealed nowhere; the first one's result is gone, which is noted and no doubt.
    expect(codes(report)).toEqual([]);
    expect(report.evidence.retired).toHaveLength(2);
    expect(report.steps.map(({ outcome }) => outcome)).toEqual(["executed", "executed", "executed"]);
  });
});

describe("what a call brought that was given up meanwhile", () => {
  /** Its bytes are stored, and no receipt binds them. */
  async function late(text: string, inDoubt = false) {
    const answer = Promise.withResolvers<void>();
    const calls = { began: false };
    const artifacts = [
      { name: "answer", mediaType: "text/plain", required: true, sensitivity: "internal" as const },
    ];
    const contract = exampleContract(
      { effect: "write", evidence: { artifacts, maxBytes: "10MB" } },
      { idempotency: "unsafe", timeout: "1d" },
    );
    const slow: Adapter = {
      ...noopAdapter,
      async run(call) {
        calls.began = true;
        await answer.promise;
        return writing(text).run(call);
      },
    };
    const test = await open([contract], [slow]);
    const run = await start(test);
    const given = advance(test.lane, run);
    await expect.poll(() => calls.began).toBe(true);
    // Its process counts as gone: another one takes the run up, and a person settles the doubt.
    await test.lane.store.releaseLease(test.lane.owner, { pid: process.pid, token: test.lane.owner });
    const other = await test.again();
    await advance(other, run);
    const end = async (): Promise<void> => {
      await resolve(test, run, other, "executed");
      expect((await advance(other, run)).closed).toBeDefined();
    };
    if (!inDoubt) await end();
    answer.resolve();
    await given;
    if (inDoubt) {
      const [row] = test.lane.store.artifacts(run);
      await expect(recordHold(other, about(row?.artifact.id ?? ""))).rejects.toThrow(/no receipt binds/);
      await end();
    }
    return { test, run, other };
  }

  it.each([
    ["in the database", SECRET],
    ["in a file", LARGE],
  ])("is not kept %s: nobody could say anything of it, nor retire it", async (_where, text) => {
    const { test, run, other } = await late(text);
    expect(test.lane.store.artifacts(run)).toEqual([]);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    expect(verdict(await judge(test, [run], other))).toEqual(VALID);
  });

  it("while it is in doubt is bound by the receipt that ends the doubt, and can be retired", async () => {
    const { test, run, other } = await late(LARGE, true);
    const answer = artifactOf(test, run, "answer");
    await recordHold(other, about(answer.id));
    expect(verdict(await judge(test, [run], other))).toEqual(VALID);
    const second = await late(LARGE, true);
    await retire(second.test, artifactOf(second.test, second.run, "answer"), second.other);
    expect(await removeRetired(second.other)).toBe(0);
    expect(filesHolding(second.test.folder, SECRET)).toEqual([]);
    const report = await judge(second.test, [second.run], second.other);
    expect(verdict(report)).toEqual(VALID);
    expect(report.steps).toMatchObject([{ outcome: "executed", proofClass: "operational-input" }]);
  });
});

describe("what a killed process had captured and not recorded", () => {
  it("is removed when evidence is retired, and not while somebody captures", async () => {
    const { test, run, answer } = await done(LARGE);
    const { lane } = test;
    const file = await lane.files.begin();
    const bytes = Buffer.from(`${LARGE} a little later`);
    await file.write(bytes);
    await file.keep(digestOf(bytes));
    expect(filesHolding(test.folder, SECRET)).toHaveLength(2);
    const release = await lane.store.holdBytes();
    expect(await removeUnrecorded(lane)).toBe(1);
    await release();
    expect(await removeUnrecorded(lane)).toBe(0);
    // What a receipt binds is not touched.
    expect(filesHolding(test.folder, SECRET)).toHaveLength(1);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    await retire(test, answer);
    expect(await removeRetired(lane)).toBe(0);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
  });

  it("is not what a call under way has just captured", async () => {
    const test = await workspace(LARGE);
    let left: number | undefined;
    const lane = { ...test.lane, adapters: [] as Adapter[] };
    lane.adapters.push({
      ...noopAdapter,
      async run(call) {
        const outcome = await writing(LARGE).run(call);
        left = await removeUnrecorded(test.lane);
        return outcome;
      },
    });
    const run = await start(test);
    await advance(lane, run);
    expect(left).toBe(1);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});
