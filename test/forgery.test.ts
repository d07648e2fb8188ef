// A server that forges. It holds the workspace, its issuer root, every issuer key and all of the code; the owner, the
// approver and the reviewer keep their own keys. Each forgery is made to fit as far as those keys allow: receipts,
// chains, manifest and claim are signed again. None is `valid` by an honest reviewer's trust file, and the report says
// where it broke.
import { beforeAll, describe, expect, it } from "vitest";
import type { PolicySet } from "../src/contract/policy-set.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { digestOfJson, hexOf } from "../src/format/digest.ts";
import { memoryBundle, type Report, type Trust, verifyBundle } from "../src/verifier/index.ts";
import { forge, readDrafts } from "./fixtures/forge-bundle.ts";
import { defaultPolicies } from "./fixtures/lane.ts";
import {
  keyFromName,
  type SampleBundle,
  type SampleOptions,
  sampleBundle,
  sampleKeys,
  sampleTrust,
} from "./fixtures/sample-bundle.ts";
import { hexIn, pathsOf, transplant } from "./fixtures/transplant.ts";

const forger = sampleKeys.mallory;
const host = { host: "inputs.host" };
const hello = { id: "hello", uses: "example.noop@1.0.0", with: host };
const outside = { id: "outside", uses: "example.noop@1.0.0", with: { host: "inputs.outside" } };
const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
const wideScope = { scope: { include: ["host:*"] } };
const permitAll: PolicySet = {
  ...defaultPolicies(),
  policies: { "permit-all": "permit(principal, action, resource);" },
};

let honest: SampleBundle;
beforeAll(async () => {
  honest = await sampleBundle();
});

describe("before any forgery", () => {
  it("the bundle is valid", async () => {
    expect(await judge(honest.files)).toEqual({ verdict: "valid", codes: [], layers: [] });
  });

  it("signing everything again with the server's keys changes nothing", async () => {
    expect((await judge(await transplant(honest, {}))).verdict).toBe("valid");
    const same = await transplant(honest, { definitions: [["policies", honest]] });
    expect((await judge(same)).verdict).toBe("valid");
  });
});

describe("authority of its own", () => {
  it("an engagement with a wider scope, authorized by its own key under the owner's name", async () => {
    const fake = await made({ keys: { olga: forger }, engagement: wideScope, steps: [hello, outside] });
    expect(await judge(fake.files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_SIGNATURE_INVALID"],
      layers: ["authorization"],
    });
    await nothingIsProved(fake.files);
  });

  it("the same with the owner's true entry among the principals", async () => {
    const fake = await made({ keys: { olga: forger }, engagement: wideScope, steps: [hello, outside] });
    const files = await transplant(fake, { definitions: [["principals", honest]] });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DIGEST_MISMATCH", "FAILURE_SIGNATURE_INVALID"],
      layers: ["authorization"],
    });
  });

  it("an owner of whom the reviewer knows nothing", async () => {
    const fake = await made({ keys: { olga: forger }, engagement: wideScope, steps: [hello, outside] });
    const principals = sampleTrust().principals.filter(({ id }) => id !== "olga");
    expect(await judge(fake.files, sampleTrust({ principals }))).toEqual({
      verdict: "indeterminate",
      codes: [],
      layers: [],
    });
    await nothingIsProved(fake.files, sampleTrust({ principals }));
  });

  it("a wider engagement under the record that the owner signed for the true one", async () => {
    const steps = [hello, outside];
    const fake = await made({ engagement: wideScope, steps });
    const files = await transplant(fake, { definitions: [["authorization", await made({ steps })]] });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DIGEST_MISMATCH"],
      layers: ["authorization"],
    });
  });

  it("a policy set that permits everything, under the record that the owner signed for the true one", async () => {
    const steps = [hello];
    const fake = await made({ policies: permitAll, steps });
    const files = await transplant(fake, { definitions: [["authorization", await made({ steps })]] });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DIGEST_MISMATCH"],
      layers: ["authorization"],
    });
  });

  it("a policy set that permits everything, with a record that it signed itself", async () => {
    const fake = await made({ policies: permitAll, keys: { olga: forger }, steps: [hello] });
    expect(await judge(fake.files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_SIGNATURE_INVALID"],
      layers: ["authorization"],
    });
    await nothingIsProved(fake.files);
  });

  it("a runbook of its own, under the catalog lock that the owner signed", async () => {
    const fake = await made({ steps: [hello] });
    const files = await transplant(fake, {
      definitions: [
        ["catalog-lock", honest],
        ["authorization", honest],
      ],
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_DIGEST_MISMATCH");
    expect(report.layers).toContain("authorization");
  });

  it("another issuer root and issuer key as well", async () => {
    const keys = { root: keyFromName("forged root"), issuer: keyFromName("forged issuer"), olga: forger };
    const fake = await made({ keys, policies: permitAll, engagement: wideScope });
    const report = await judge(fake.files);
    expect([report.verdict, report.codes]).toEqual(["invalid", ["FAILURE_SIGNATURE_INVALID"]]);
    await nothingIsProved(fake.files);
    // Everything is honest but the issuer: nobody says that it speaks for the workspace.
    const { root, issuer } = keys;
    const stranger = await made({ keys: { root, issuer } });
    expect((await judge(stranger.files)).verdict).toBe("indeterminate");
  });
});

describe("approvals of its own", () => {
  it("signed with its own key for the approver's name", async () => {
    const fake = await made({ keys: { anna: forger } });
    const files = await transplant(fake, {
      definitions: [
        ["principals", honest],
        ["authorization", honest],
      ],
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_APPROVAL_INVALID");
    expect(report.layers).toContain("authorization");
  });

  it("signed with its own key, which it also wrote into principals that it authorized itself", async () => {
    const fake = await made({ keys: { anna: forger, olga: keyFromName("forged owner") } });
    expect(await judge(fake.files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_SIGNATURE_INVALID", "FAILURE_APPROVAL_INVALID"],
      layers: ["authorization"],
    });
  });

  it("the approver's own, replayed from another action", async () => {
    const second = { ...probe, id: "second", needs: ["first"] };
    const third = { ...probe, id: "third", needs: ["first"] };
    const both = await made({ steps: [{ ...hello, id: "first" }, second, third] });
    expect((await judge(both.files)).verdict).toBe("valid");
    const [a = "", b = ""] = pathsOf(both.files, "approval").map(hexIn);
    for (const [old, instead] of [
      [a, b],
      [b, a],
    ]) {
      const files = await transplant(both, { instead: new Map([[old ?? "", instead ?? ""]]) });
      const report = await judge(files);
      expect(report.verdict).toBe("invalid");
      expect(report.codes).toContain("FAILURE_APPROVAL_INVALID");
    }
  });

  it("the approver's own, for other inputs than those that were approved", async () => {
    const approved = await made({ steps: [probe] });
    const other = "mail.example.test";
    const files = await transplant(approved, {
      run: (document) => void Object.assign(document.inputs, { host: other }),
      gateRecord: ({ action }) => {
        Object.assign(action.inputs, { host: other });
        for (const subject of action.subjects) Object.assign(subject, { value: other });
      },
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_APPROVAL_INVALID");
  });

  it("left out, where the contract asks for one", async () => {
    const files = await forge(await made({ steps: [probe] }), {
      gateRecord: (record) => {
        record.approvals = [];
        record.decision = "allow";
        const gate = record.gates.find((one) => one.gate === "approval");
        Object.assign(gate ?? {}, { decision: "allow", reason: "ok" });
      },
      receipt: ({ predicate }) => {
        Reflect.deleteProperty(predicate, "approvals");
        return predicate.event !== "step-paused" && predicate.event !== "approval-recorded";
      },
      files: (files) => {
        for (const path of pathsOf(files, "approval")) files.delete(path);
      },
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toEqual(
      expect.arrayContaining(["FAILURE_DECISION_MISMATCH", "FAILURE_APPROVAL_INVALID"]),
    );
  });
});

describe("decisions of its own", () => {
  it("an out-of-scope target called, under the true engagement", async () => {
    const steps = [hello, outside];
    const fake = await made({ engagement: wideScope, steps });
    const authorized = await made({ steps });
    const files = await transplant(fake, {
      definitions: [
        ["engagement", authorized],
        ["authorization", authorized],
      ],
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DECISION_MISMATCH"],
      layers: ["re-decision"],
    });
  });

  it("a denial relabelled as allowed and executed", async () => {
    const denied = await made({ steps: [hello, { ...outside, onFailure: "continue" }] });
    const files = await forge(denied, {
      gateRecord: (record) => {
        if (record.action.step !== "outside") return;
        record.decision = "allow";
        for (const gate of record.gates) Object.assign(gate, { decision: "allow", reason: "ok" });
      },
      receipt: ({ predicate, subject }) => {
        if (predicate.event !== "step-denied" || predicate.invocation === undefined) return undefined;
        const [attempt] =
          readDrafts(denied.files).find(({ predicate: { event } }) => event === "step-executed")?.predicate
            .invocation?.attempts ?? [];
        const dispatchDigest = `sha256:${subject[0]?.digest.sha256}`;
        const attempts = [{ ...attempt, dispatchDigest }];
        Object.assign(predicate, { event: "step-executed" });
        Object.assign(predicate.invocation, { outcome: "executed", attempts, dispatchDigest });
        return undefined;
      },
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_DECISION_MISMATCH");
  });

  it("an allowed call that the authorized policy denies", async () => {
    const { policies } = defaultPolicies();
    const denyReads = `forbid(principal, action, resource) when { resource.effect == "read" };`;
    const strict = { ...defaultPolicies(), policies: { ...policies, "deny-reads": denyReads } };
    const authorized = await made({ policies: strict, steps: [hello] });
    expect((await judge(authorized.files)).verdict).toBe("valid");
    const fake = await made({ steps: [hello] });
    const files = await transplant(fake, {
      definitions: [
        ["policies", authorized],
        ["authorization", authorized],
      ],
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DECISION_MISMATCH"],
      layers: ["re-decision"],
    });
  });

  it("other run inputs than those that the calls were made with", async () => {
    const files = await transplant(await made({ steps: [hello] }), {
      run: (document) => void Object.assign(document.inputs, { host: "mail.example.test" }),
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DECISION_MISMATCH"],
      layers: ["re-decision"],
    });
  });

  it("another result than the one captured", async () => {
    const files = await forge(await made({ steps: [hello] }), {
      receipt: ({ predicate }) => {
        if (predicate.invocation?.outputs) predicate.invocation.outputs = { said: "all is well" };
        return undefined;
      },
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DECISION_MISMATCH"],
      layers: ["re-decision"],
    });
  });

  it("a contract of its own under an authorized name", async () => {
    const path = "contracts/example.noop@1.0.0.json";
    const contract = JSON.parse(new TextDecoder().decode(honest.files.get(path)));
    const changed = canonicalBytes({ ...contract, doesNotAttest: "nothing" });
    const digest = digestOfJson({ ...contract, doesNotAttest: "nothing" });
    const files = await transplant(
      await made({ steps: [hello] }),
      {
        run: ({ contracts }) => void Object.assign(contracts[0] ?? {}, { digest }),
        gateRecord: ({ action }) => void Object.assign(action.contract, { digest }),
      },
      {
        receipt: ({ predicate }) => {
          if (predicate.contract === undefined) return undefined;
          Object.assign(predicate.contract, { digest });
          Object.assign(predicate.verificationScope, { doesNotAttest: "nothing" });
          return undefined;
        },
        files: (all) => void all.set(path, changed),
      },
    );
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_DIGEST_MISMATCH");
    expect(report.layers).toContain("authorization");
  });
});

describe("a history of its own", () => {
  it("a denial left out", async () => {
    const files = await forge(honest, { receipt: ({ predicate }) => predicate.event !== "step-denied" });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toContain("FAILURE_COMPLETENESS");
  });

  it.each([
    ["step-cancelled", { reason: "requested" }],
    ["step-cancelled", { reason: "stopped" }],
    ["step-skipped", { reason: "when", when: "false" }],
    ["step-skipped", { reason: "needs", needs: "hello" }],
    ["step-denied", { reason: "not-resolved", faults: ["its inputs cannot be computed"] }],
    ["step-denied", { reason: "secret-unavailable", faults: ["no secret"] }],
  ] as const)("a denial and a call written as %s %o", async (event, detail) => {
    const run = await made({ steps: [hello, { ...outside, onFailure: "continue" }] });
    expect((await judge(run.files)).verdict).toBe("valid");
    for (const hidden of ["step-denied", "step-executed"]) {
      const files = await forge(run, {
        receipt(draft) {
          const { predicate } = draft;
          if (predicate.event !== hidden) return undefined;
          for (const member of ["invocation", "gates", "approvals", "artifacts"]) {
            Reflect.deleteProperty(predicate, member);
          }
          Object.assign(predicate, { event, detail: { ...detail } });
          draft.subject = [{ name: "detail", digest: { sha256: hexOf(digestOfJson(detail)) } }];
          return undefined;
        },
      });
      expect(await judge(files)).toEqual({
        verdict: "invalid",
        codes: ["FAILURE_DECISION_MISMATCH"],
        layers: ["re-decision"],
      });
    }
  });

  it("a run that was stopped, closed as completed", async () => {
    const run = await made({ steps: [hello, outside] });
    expect((await judge(run.files)).verdict).toBe("valid");
    const files = await forge(run, {
      receipt: ({ predicate }) => {
        if (predicate.event === "run-closed") Object.assign(predicate.detail ?? {}, { outcome: "completed" });
        return undefined;
      },
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_DECISION_MISMATCH"],
      layers: ["re-decision"],
    });
  });

  it("a denial left out, chains and heads as they were", async () => {
    const files = await forge(honest, {
      receipt: ({ predicate }) => predicate.event !== "step-denied",
      keepChain: true,
    });
    const report = await judge(files);
    expect(report.verdict).toBe("invalid");
    expect(report.codes).toEqual(
      expect.arrayContaining(["FAILURE_CONTINUITY_BROKEN", "FAILURE_COMPLETENESS"]),
    );
  });

  it("a closed run cut short, and a claim that calls it partial", async () => {
    const run = await made({});
    const files = await forge(run, {
      receipt: ({ predicate }) => !["step-denied", "step-skipped"].includes(predicate.event),
      claim: (claim) => void Object.assign(claim, { partial: true }),
    });
    expect(await judge(files)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_COMPLETENESS"],
      layers: ["continuity"],
    });
  });

  it("a run cut short before its end, `run-closed` left out too, against the head that a reviewer has seen", async () => {
    const run = await made({});
    const head = headOf(run, `run:${run.run}`);
    const trust = sampleTrust({ streams: { [`run:${run.run}`]: head } });
    expect((await judge(run.files, trust)).verdict).toBe("valid");
    const cuts = [
      (event: string) => event !== "step-skipped",
      (event: string) => !event.startsWith("step-") && event !== "approval-recorded",
    ];
    for (const keep of cuts) {
      const files = await forge(run, {
        receipt: ({ predicate }) => predicate.event !== "run-closed" && keep(predicate.event),
        claim: (claim) => void Object.assign(claim, { partial: true }),
      });
      // Cut like this it is what an earlier export would have been: without a head to compare with nobody can tell,
      // and the report says that the bundle is partial and its continuity untested.
      const untested = await verifyBundle(memoryBundle(files), sampleTrust());
      expect(untested.partial).toBe(true);
      expect(untested.layers.find(({ layer }) => layer === "continuity")?.anchored).toBe("untested");
      const report = await judge(files, trust);
      expect(report).toMatchObject({ verdict: "invalid", layers: ["continuity"] });
      expect(report.codes).toContain("FAILURE_CONTINUITY_BROKEN");
    }
  });

  it("a history written anew with the server's keys, against the head that a reviewer has seen", async () => {
    const run = await made({});
    const trust = sampleTrust({ streams: { "engagement:acme": headOf(run, "engagement:acme") } });
    expect((await judge(run.files, trust)).verdict).toBe("valid");
    const other = await made({ steps: [hello] });
    expect(await judge(other.files, trust)).toEqual({
      verdict: "invalid",
      codes: ["FAILURE_CONTINUITY_BROKEN"],
      layers: ["continuity"],
    });
  });
});

const made = (options: SampleOptions): Promise<SampleBundle> =>
  sampleBundle({ conclusion: false, ...options });

/** Verdict, failure codes and failed layers by an honest reviewer's trust. */
async function judge(files: ReadonlyMap<string, Uint8Array>, trust: Trust = sampleTrust()) {
  const { verdict, layers }: Report = await verifyBundle(memoryBundle(files), trust);
  const failed = layers.filter(({ internal, anchored }) => internal === "failed" || anchored === "failed");
  return {
    verdict,
    codes: [...new Set(layers.flatMap(({ failures }) => failures.map(({ code }) => code)))],
    layers: failed.map(({ layer }) => layer),
  };
}

/** No run counts as authorized, and no step as strong proof. */
async function nothingIsProved(files: ReadonlyMap<string, Uint8Array>, trust?: Trust): Promise<void> {
  const { runs, steps } = await verifyBundle(memoryBundle(files), trust ?? sampleTrust());
  expect(runs.map(({ authorized }) => authorized)).toEqual([false]);
  expect(steps.filter(({ proofClass }) => proofClass === "strong-proof")).toEqual([]);
}

function headOf({ files }: SampleBundle, stream: string) {
  const claim = JSON.parse(new TextDecoder().decode(files.get("CLAIM.sigstore.json")));
  const { predicate } = JSON.parse(Buffer.from(claim.dsseEnvelope.payload, "base64").toString());
  const { seq, digest } = predicate.streams[stream];
  return { seq, digest };
}
