// What happens to evidence after it was collected: classified, held, released, redacted, retired. By whom, in which
// order, what a verifier makes of it, and what a host with every issuer key cannot make up.
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import type { Adapter } from "../src/adapter/adapter.ts";
import type { Artifact } from "../src/contract/artifact.ts";
import type { Sensitivity } from "../src/contract/vocabulary.ts";
import { ageOpener } from "../src/evidence/age.ts";
import { collectBytes } from "../src/format/byte-source.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { CONCLUSION_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { importArtifact } from "../src/run/import-artifact.ts";
import { recordConclusion } from "../src/run/record-conclusion.ts";
import {
  admitRelease,
  recordClassification,
  recordHold,
  recordLifecycle,
  recordRelease,
} from "../src/run/record-evidence.ts";
import { redactArtifact } from "../src/run/redact-artifact.ts";
import { releaseBytes } from "../src/run/release-bytes.ts";
import { removeRetired } from "../src/run/remove-retired.ts";
import { checkArtifacts } from "../src/store/check-artifacts.ts";
import { memoryBundle, renderReport, verifyBundle } from "../src/verifier/index.ts";
import { IDENTITY, OTHER_IDENTITY, OTHER_RECIPIENT, RECIPIENT } from "./fixtures/age-keys.ts";
import { codes, stepOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import { filesHolding } from "./fixtures/files-holding.ts";
import type { TestLane } from "./fixtures/lane.ts";
import { lifecycleWord } from "./fixtures/lifecycle-word.ts";
import { exported, judge, open, retold, start, VALID, verdict } from "./fixtures/real-run.ts";

const SECRET = `the key is ${randomBytes(24).toString("hex")}`;
const asks = exampleContract({
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

/** A run that is done, over an adapter that writes `text`. */
async function done(text = SECRET, sensitivity: Sensitivity = "internal") {
  const contract = exampleContract({
    evidence: {
      artifacts: [{ name: "answer", mediaType: "text/plain", required: true, sensitivity }],
      maxBytes: "10MB",
    },
  });
  const test = await open([contract, { ...asks, id: "example.asks" }], [writing(text)], {
    evidence: { recipients: [RECIPIENT] },
  });
  return { test, ...(await another(test)) };
}

async function another(test: TestLane) {
  const run = await start(test);
  await advance(test.lane, run);
  return { run, answer: artifactOf(test, run, "answer") };
}

function artifactOf(test: TestLane, run: string, name: string): Artifact {
  const row = test.lane.store.artifacts(run).find(({ artifact }) => artifact.name === name);
  if (row === undefined) throw new Error(`no artifact ${name}`);
  return row.artifact;
}

const about = (artifact: string, principal = "olga") => ({ artifact, principal, reason: "the term is over" });

async function retire(test: TestLane, artifact: Artifact, ...rest: [Record<string, unknown>?, Signer?]) {
  const expected = { action: "retire" as const, artifact: artifact.id };
  const receipt = await recordLifecycle(test.lane, await lifecycleWord(test, artifact, ...rest), expected);
  expect(await removeRetired(test.lane)).toBe(0);
  return receipt;
}

async function imported(test: TestLane, sensitivity?: Sensitivity, text = "a note") {
  const run = await start(test, exampleRunbook({}, 1, "example.asks@1.0.0"));
  await advance(test.lane, run);
  const evidence = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto", sensitivity };
  const bytes = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  return { run, note: await importArtifact(test.lane, run, { ...evidence, bytes }) };
}

describe("retirement", () => {
  it.each([
    ["in the database", 1],
    ["in a file", 4000],
  ])("removes bytes %s, and the bundle still verifies", async (_where, times) => {
    const { test, run, answer } = await done(SECRET.repeat(times));
    expect(filesHolding(test.folder, SECRET)).not.toEqual([]);
    const receipt = await retire(test, answer);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "step-1")).toMatchObject({
      proofClass: "operational-input",
      missing: ["artifact-integrity"],
      reasons: ["retired"],
    });
    expect(report.evidence.retired).toMatchObject([
      { artifact: answer.id, by: "olga", reason: "the term is over", receipt },
    ]);
    expect(renderReport(report)).toContain(`${answer.id}: retired by olga at 20`);
    expect(await checkArtifacts(test.lane.store, test.lane.files)).toEqual([]);
  });

  it("of a result leaves the outcome as it was recorded, and says so", async () => {
    const { test, run } = await done();
    await retire(test, artifactOf(test, run, "result"));
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.layers.find(({ layer }) => layer === "re-decision")?.notes.join()).toContain("was retired");
  });

  it("waits for holds, each to be ended by the owner's signature", async () => {
    const { test, run, answer } = await done();
    const hold = await recordHold(test.lane, about(answer.id, "otto"));
    await expect(retire(test, answer)).rejects.toMatchObject({ code: "EVIDENCE_REFUSED" });
    const end = { action: "end-hold", hold };
    const expected = { action: "end-hold" as const, artifact: answer.id };
    const byOtto = await lifecycleWord(test, answer, { ...end, principal: "otto" }, test.people.operator);
    await expect(recordLifecycle(test.lane, byOtto, expected)).rejects.toThrow(/not-entitled/);
    await recordLifecycle(test.lane, await lifecycleWord(test, answer, end), expected);
    await retire(test, answer);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    const refusals = test.lane.store
      .receipts("engagement:acme")
      .filter(({ event }) => event === "artifact-action-refused");
    expect(refusals).toHaveLength(2);
    expect(new TextDecoder().decode(refusals[0]?.payload)).toContain('"decision":"pause","digest"');
  });

  it("keeps bytes that another artifact needs, until that one is retired too", async () => {
    const { test, run, answer } = await done();
    const second = await another(test);
    expect(second.answer.digest).toBe(answer.digest);
    await retire(test, answer);
    expect(filesHolding(test.folder, SECRET)).not.toEqual([]);
    expect(verdict(await judge(test, [second.run]))).toEqual(VALID);
    expect(stepOf(await judge(test, [second.run]), "step-1")?.proofClass).toBe("strong-proof");
    const both = await judge(test, [run, second.run]);
    expect(verdict(both)).toEqual(VALID);
    expect(both.evidence.retired).toHaveLength(1);
    await retire(test, second.answer);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    expect(verdict(await judge(test, [run, second.run]))).toEqual(VALID);
  });

  it("is refused twice, by an approver, by a local key, by nobody, and about something else", async () => {
    const { test, answer } = await done();
    await expect(retire(test, answer, { principal: "anna" }, test.people.approver)).rejects.toThrow(
      /not-entitled/,
    );
    await expect(retire(test, answer, {}, test.people.operator)).rejects.toThrow(/refused: key-unknown/);
    await expect(retire(test, answer, { engagement: "other" })).rejects.toThrow(/something else/);
    await expect(retire(test, answer, { digest: `sha256:${"0".repeat(64)}` })).rejects.toThrow(
      /something else/,
    );
    await retire(test, answer);
    await expect(retire(test, answer)).rejects.toThrow(/may not retire .*: retired/);
  });

  it("does not remove what a call under way may just be capturing", async () => {
    let left: number | undefined;
    const { test, answer } = await done();
    const lane = { ...test.lane, adapters: [] as Adapter[] };
    lane.adapters.push({
      ...noopAdapter,
      async run(call) {
        await recordLifecycle(test.lane, await lifecycleWord(test, answer), {
          action: "retire",
          artifact: answer.id,
        });
        left = await removeRetired(test.lane);
        return writing(SECRET).run(call);
      },
    });
    const run = await start(test);
    await advance(lane, run);
    expect(left).toBe(1);
    // The second artifact has the same bytes by now: they stay.
    expect(await removeRetired(test.lane)).toBe(0);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    expect(stepOf(await judge(test, [run]), "step-1")?.proofClass).toBe("strong-proof");
  });

  it("that nobody entitled signed is found", async () => {
    const { test, run, answer } = await done();
    await retire(test, answer);
    const forged = async (changes: Record<string, unknown>, signer: Signer) => {
      const files = await exported(test.lane, [run]);
      const { envelopeToJson, envelopeDigest } = await import("../src/format/dsse.ts");
      const envelope = await lifecycleWord(test, answer, changes, signer);
      const lifecycle = envelopeDigest(envelope);
      return retold(test, [run], {
        receipt: (draft) => {
          if (draft.predicate.event !== "artifact-retired") return undefined;
          Object.assign(draft.predicate.detail ?? {}, { lifecycle });
          Object.assign(draft.predicate.actor, { principal: changes.principal ?? "olga" });
          draft.subject = [{ name: "lifecycle", digest: { sha256: lifecycle.slice(7) } }];
          return undefined;
        },
        files: (into) => {
          for (const path of files.keys()) if (path.startsWith("definitions/lifecycle/")) into.delete(path);
          into.set(
            `definitions/lifecycle/${lifecycle.slice(7)}.json`,
            canonicalBytes(envelopeToJson(envelope)),
          );
        },
      });
    };
    expect(codes(await forged({}, test.people.operator))).toEqual(["FAILURE_APPROVAL_INVALID"]);
    expect(codes(await forged({ principal: "anna" }, test.people.approver))).toEqual([
      "FAILURE_APPROVAL_INVALID",
    ]);
    expect(codes(await forged({ artifact: `${run}/x/1/y` }, test.people.owner))).toEqual([
      "FAILURE_DIGEST_MISMATCH",
    ]);
    expect(codes(await forged({}, test.people.owner))).toEqual([]);
  });

  it("is nothing without its receipt, and counts by the reviewer's own trust", async () => {
    const { test, run, answer } = await done();
    await retire(test, answer);
    const silent = await retold(test, [run], {
      receipt: ({ predicate }) => predicate.event !== "artifact-retired",
    });
    expect(codes(silent)).toEqual(["FAILURE_COMPLETENESS"]);
    const files = await exported(test.lane, [run]);
    const without = {
      ...test.trust,
      principals: test.trust.principals.filter(({ id }) => id !== "olga"),
    };
    expect((await verify(files, without)).reasons.join()).toContain("who had to sign to retire");
  });

  it("does not excuse a hold that still stands", async () => {
    const { test, run, answer } = await done();
    const hold = await recordHold(test.lane, about(answer.id));
    const expected = { action: "end-hold" as const, artifact: answer.id };
    await recordLifecycle(
      test.lane,
      await lifecycleWord(test, answer, { action: "end-hold", hold }),
      expected,
    );
    await retire(test, answer);
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => predicate.event !== "artifact-hold-ended",
    });
    expect(codes(report)).toEqual(["FAILURE_APPROVAL_INVALID"]);
  });
});

describe("quarantine", () => {
  it("lasts until somebody classifies: neither exported nor cited", async () => {
    const { test } = await done();
    const { run, note } = await imported(test);
    expect(note.sensitivity).toBeUndefined();
    const path = `artifacts/sha256/${note.digest.slice(7)}`;
    expect((await exported(test.lane, [run])).has(path)).toBe(false);
    const before = await judge(test, [run]);
    expect(verdict(before)).toEqual(VALID);
    expect(before.evidence.quarantined).toEqual([note.id]);
    await expect(admitRelease(test.lane, about(note.id))).rejects.toThrow(/quarantined/);
    await expect(recordClassification(test.lane, about(note.id), "secret")).rejects.toThrow(
      /cannot-be-sealed-later/,
    );
    await recordClassification(test.lane, about(note.id, "otto"), "confidential");
    await expect(recordClassification(test.lane, about(note.id), "internal")).rejects.toThrow(/lowered/);
    expect((await exported(test.lane, [run])).has(path)).toBe(true);
    const after = await judge(test, [run]);
    expect(verdict(after)).toEqual(VALID);
    expect(after.evidence.quarantined).toEqual([]);
  });

  it("keeps evidence out of conclusions, as a verifier finds too", async () => {
    const test = await open([{ ...asks, id: "example.asks" }]);
    const { run, note } = await imported(test);
    const cited = test.lane.store.receipts(`run:${run}`).find(({ event }) => event === "artifact-imported");
    const conclude = async () => {
      const statement = {
        purpose: "witnessops/conclusion/v1",
        run,
        label: "inferred",
        statement: "somebody called",
        confidence: "low",
        cites: [{ receipt: cited?.digest, artifact: note.digest }],
        principal: "anna",
        signedAt: new Date().toISOString(),
      };
      const payload = canonicalBytes(statement);
      return recordConclusion(
        test.lane,
        run,
        await signEnvelope(test.people.approver, payload, CONCLUSION_PAYLOAD_TYPE),
      );
    };
    await expect(conclude()).rejects.toThrow(/is quarantined: nobody has classified it/);
    await recordClassification(test.lane, about(note.id), "internal");
    await conclude();
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => predicate.event !== "artifact-classified",
    });
    expect(codes(report)).toEqual(["FAILURE_APPROVAL_INVALID"]);
  });

  it("is not for a stranger to end", async () => {
    const { test } = await done();
    const { note } = await imported(test);
    await expect(recordClassification(test.lane, about(note.id, "mallory"), "public")).rejects.toThrow(
      /not-entitled/,
    );
  });

  it("an import as secret is sealed at once", async () => {
    const { test } = await done("x");
    const { run, note } = await imported(test, "secret", SECRET);
    expect(note.sealed?.recipients).toEqual([RECIPIENT]);
    expect(filesHolding(test.folder, SECRET)).toEqual([]);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});

describe("sealed artifacts in a verifier", () => {
  it("leave the outcome open, and with an identity are opened, checked and decided again", async () => {
    const { test, run, answer } = await done(SECRET, "secret");
    const files = await exported(test.lane, [run]);
    const closed = await verify(files, test.trust);
    expect(closed.verdict).toBe("indeterminate");
    expect(codes(closed)).toEqual([]);
    expect(closed.reasons.join()).toContain("is sealed");
    expect(closed.evidence.sealed).toMatchObject([
      { artifact: answer.id, opened: false, recipients: [RECIPIENT] },
      { opened: false },
    ]);
    const opened = await verifyBundle(memoryBundle(files), test.trust, { open: await ageOpener(IDENTITY) });
    expect(verdict(opened)).toEqual(VALID);
    expect(opened.evidence.sealed.every((one) => one.opened)).toBe(true);
    expect(stepOf(opened, "step-1")?.proofClass).toBe("strong-proof");
    const wrong = await verifyBundle(memoryBundle(files), test.trust, {
      open: await ageOpener(OTHER_IDENTITY),
    });
    expect(wrong.verdict).toBe("indeterminate");
    expect(codes(wrong)).toEqual([]);
  });

  it("with another commitment, other recipients, or plaintext in their place are found", async () => {
    const { test, run } = await done(SECRET, "secret");
    const open = await ageOpener(IDENTITY);
    const told = async (change: (artifact: Artifact) => void, with_ = open) => {
      const report = await retold(
        test,
        [run],
        {
          receipt: ({ predicate }) => {
            for (const artifact of predicate.artifacts ?? [])
              if (artifact.name === "answer") change(artifact);
            return undefined;
          },
        },
        test.lane,
        { open: with_ },
      );
      return codes(report);
    };
    const sealedOf = (artifact: Artifact) => artifact.sealed as { commitment: string; recipients: string[] };
    expect(await told(() => undefined)).toEqual([]);
    expect(
      await told((artifact) => {
        sealedOf(artifact).commitment = `sha256:${"0".repeat(64)}`;
      }),
    ).toEqual(["FAILURE_HASH_MISMATCH"]);
    expect(
      await told((artifact) => {
        sealedOf(artifact).recipients = [OTHER_RECIPIENT];
      }),
    ).toEqual(["FAILURE_DIGEST_MISMATCH"]);
    expect(
      await told((artifact) => {
        Reflect.deleteProperty(artifact, "sealed");
      }),
    ).toEqual(["FAILURE_REQUIRED_FIELD_MISSING"]);
    expect(
      await told((artifact) => {
        Reflect.deleteProperty(artifact, "sealed");
        artifact.sensitivity = "internal";
      }),
    ).toEqual(["FAILURE_DIGEST_MISMATCH"]);
  });
});

describe("release", () => {
  async function release(test: TestLane, id: string, open?: Awaited<ReturnType<typeof ageOpener>>) {
    const artifact = test.lane.store.artifacts(id.split("/")[0] ?? "").find((row) => row.artifact.id === id)
      ?.artifact as Artifact;
    await admitRelease(test.lane, about(id));
    const { bytes, ended } = await releaseBytes(test.lane, artifact, OTHER_RECIPIENT, open);
    const file = await collectBytes(bytes, 1 << 24);
    const { digest, commitment } = ended();
    await recordRelease(test.lane, about(id), { digest, recipient: OTHER_RECIPIENT, commitment });
    return { file, commitment, artifact };
  }

  it("is the same plaintext for another recipient, who checks it with Debian's age", async () => {
    const missing = needProgram("age", "age");
    if (missing !== undefined) return console.log(missing);
    const { test, run, answer } = await done(SECRET, "secret");
    const { file, commitment } = await release(test, answer.id, await ageOpener(IDENTITY));
    expect(commitment).toBe(answer.sealed?.commitment);
    const folder = mkdtempSync(join(tmpdir(), "witnessops-age-"));
    try {
      writeFileSync(join(folder, "bo.age"), `# bo\n${OTHER_IDENTITY}\n`);
      writeFileSync(join(folder, "ana.age"), `${IDENTITY}\n`);
      writeFileSync(join(folder, "key.age"), file);
      const decrypt = (identity: string) =>
        spawnSync("age", ["--decrypt", "-i", join(folder, identity), join(folder, "key.age")]);
      const opened = decrypt("bo.age");
      expect(createHash("sha256").update(opened.stdout).digest("hex")).toBe(commitment.slice(7));
      expect(opened.stdout.subarray(32).toString()).toBe(SECRET);
      expect(decrypt("ana.age").status).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const report = await verifyBundle(memoryBundle(await exported(test.lane, [run])), test.trust, {
      open: await ageOpener(IDENTITY),
    });
    expect(verdict(report)).toEqual(VALID);
    expect(report.evidence.released).toMatchObject([{ artifact: answer.id, recipient: OTHER_RECIPIENT }]);
  });

  it("of what was not sealed gets a salt of its own; not with an identity that does not fit, not by an operator", async () => {
    const { test, answer } = await done(SECRET, "internal");
    const { file, commitment } = await release(test, answer.id);
    const opened = await (await ageOpener(OTHER_IDENTITY))(once(file));
    const plaintext = await collectBytes(opened as AsyncIterable<Uint8Array>, 1 << 20);
    expect(`sha256:${createHash("sha256").update(plaintext).digest("hex")}`).toBe(commitment);
    expect(`sha256:${createHash("sha256").update(plaintext.subarray(32)).digest("hex")}`).toBe(answer.digest);
    await expect(admitRelease(test.lane, about(answer.id, "otto"))).rejects.toThrow(/not-entitled/);
    const sealed = await done(SECRET, "secret");
    await expect(
      release(sealed.test, sealed.answer.id, await ageOpener(OTHER_IDENTITY)),
    ).rejects.toMatchObject({ code: "IDENTITY_UNFIT" });
  });
});

describe("redaction", () => {
  const redact = (test: TestLane, source: string, signer = test.people.operator, principal = "otto") =>
    redactArtifact(
      test.lane,
      { source, sensitivity: "internal", by: principal, bytes: once(Buffer.from("the key is [masked]")) },
      (derived) => lifecycleWord(test, derived, { action: "redact", derivedFrom: source, principal }, signer),
    );

  it("is another artifact, which a person looked at and which names what it is from", async () => {
    const { test, run, answer } = await done(SECRET, "secret");
    const { artifact } = await redact(test, answer.id);
    expect(artifact).toMatchObject({ derivedFrom: answer.id, exact: false, sensitivity: "internal" });
    const files = await exported(test.lane, [run]);
    expect(files.has(`artifacts/sha256/${artifact.digest.slice(7)}`)).toBe(true);
    const open = await ageOpener(IDENTITY);
    const report = await verifyBundle(memoryBundle(files), test.trust, { open });
    expect(verdict(report)).toEqual(VALID);
    expect(report.evidence.redacted).toEqual([{ artifact: artifact.id, derivedFrom: answer.id, by: "otto" }]);
    await retire(test, artifact);
    const after = await verifyBundle(memoryBundle(await exported(test.lane, [run])), test.trust, { open });
    expect(verdict(after)).toEqual(VALID);
  });

  it("that nobody looked at is refused, and one that is told is found", async () => {
    const { test, run, answer } = await done(SECRET, "internal");
    await expect(redact(test, answer.id, test.people.approver)).rejects.toMatchObject({
      code: "STATEMENT_REFUSED",
    });
    await redact(test, answer.id);
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => {
        if (predicate.event === "artifact-redacted") predicate.actor.principal = "anna";
        return undefined;
      },
    });
    expect(codes(report)).toEqual(["FAILURE_DIGEST_MISMATCH"]);
  });
});

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
