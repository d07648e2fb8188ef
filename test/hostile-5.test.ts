// What a hostile host, key holder or bundle author tried with the log, conclusions and the lifecycle of evidence.
import { beforeAll, describe, expect, it } from "vitest";
import type { ConclusionStatement, WithdrawalStatement } from "../src/contract/signed-statements.ts";
import type { Trust } from "../src/contract/trust.ts";
import { toBase64 } from "../src/format/base64.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { digestOf } from "../src/format/digest.ts";
import { leafHash } from "../src/format/merkle.ts";
import { noteKeyOf, noteKeyText, noteKeyTypes } from "../src/format/signed-note.ts";
import { signEnvelope } from "../src/format/signer.ts";
import { CONCLUSION_PAYLOAD_TYPE, WITHDRAWAL_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { decideEvidence } from "../src/gate/decide-evidence.ts";
import { readConclusions } from "../src/run/read-conclusions.ts";
import { recordConclusion } from "../src/run/record-conclusion.ts";
import { recordWithdrawal } from "../src/run/record-withdrawal.ts";
import { bytesOf, codes, verify } from "./fixtures/check-bundle.ts";
import { forge } from "./fixtures/forge-bundle.ts";
import {
  keyFromName,
  SAMPLE_LOG,
  type SampleBundle,
  sampleBundle,
  sampleKeys,
  sampleLogKey,
  sampleTrust,
} from "./fixtures/sample-bundle.ts";

const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
const NOW = "2026-11-23T11:00:00.000Z";
let logged: SampleBundle;
let plain: SampleBundle;
beforeAll(async () => {
  logged = await sampleBundle({ steps, conclusion: false, log: true });
  plain = await sampleBundle({ steps, conclusion: false });
}, 60_000);

async function verdict(files: ReadonlyMap<string, Uint8Array>, trust: Trust) {
  const report = await verify(files, trust);
  return [report.verdict, codes(report)];
}

describe("a trust file's word on a log", () => {
  const other = { size: 1, root: toBase64(leafHash(bytesOf("another history"))) };

  it("pins the origin, also where the pin stands with a key that has ended", async () => {
    const ended = sampleLogKey(SAMPLE_LOG, keyFromName("old log"));
    const logs = [
      { key: ended, notAfter: "2026-01-01T00:00:00Z", checkpoint: other },
      { key: sampleLogKey() },
    ];
    expect(await verdict(logged.files, sampleTrust({ logs }))).toEqual([
      "invalid",
      ["FAILURE_WITNESS_LINEAGE_MISMATCH"],
    ]);
  });

  it("that its key is compromised leaves the verdict open", async () => {
    const { keyId } = sampleKeys.log.publicKey;
    const trust = sampleTrust({
      logs: [{ key: sampleLogKey() }],
      compromised: [{ keyId, since: "2026-01-01T00:00:00Z" }],
    });
    expect(await verdict(logged.files, trust)).toEqual(["indeterminate", []]);
  });

  it("asks for witnesses of a bundle without a log, too", async () => {
    const key = noteKeyText(
      noteKeyOf("witness.example/one", keyFromName("one").publicKey, noteKeyTypes.cosignature),
    );
    const trust = sampleTrust({ witnesses: [{ key }] });
    expect(await verdict(plain.files, trust)).toEqual(["indeterminate", []]);
    expect(await verdict(plain.files, { ...trust, witnessQuorum: 0 })).toEqual(["valid", []]);
  });
});

describe("a log that the workspace started", () => {
  it("is not left out of a bundle without a word", async () => {
    const unpromised = await sampleBundle({
      steps,
      conclusion: false,
      log: true,
      before: async (lane) =>
        lane.log === undefined ? lane : { ...lane, log: { ...lane.log, isPromised: false } },
    });
    const stripped = await forge(unpromised, {
      files: (all) => {
        for (const path of [...all.keys()]) if (path.startsWith("log/")) all.delete(path);
      },
      claim: (claim) => {
        claim.checkpoint = null;
      },
    });
    expect(await verdict(stripped, sampleTrust())).toEqual(["indeterminate", []]);
  });
});

describe("somebody's conclusion", () => {
  const relisted = (roles: Trust["principals"][number]["roles"]) => {
    const trust = sampleTrust();
    return {
      ...trust,
      principals: trust.principals.map((one) => (one.id === "olga" ? { ...one, roles } : one)),
    };
  };
  const ended = (how: "withdrawn" | "superseded") =>
    sampleBundle({
      after: async (lane, _keys, run) => {
        const [standing] = readConclusions(lane.store, "acme").all;
        const conclusion = String(standing?.digest);
        const cited = lane.store.receipts(`run:${run}`).find(({ event }) => event === "step-executed");
        const common = { run, principal: "olga", signedAt: NOW };
        if (how === "withdrawn") {
          const said: WithdrawalStatement = {
            purpose: "witnessops/withdrawal/v1",
            conclusion,
            reason: "no",
            ...common,
          };
          const envelope = await signEnvelope(sampleKeys.olga, canonicalBytes(said), WITHDRAWAL_PAYLOAD_TYPE);
          await recordWithdrawal(lane, run, envelope);
          return;
        }
        const said: ConclusionStatement = {
          purpose: "witnessops/conclusion/v1",
          label: "inferred",
          statement: "nobody is greeted",
          confidence: "low",
          cites: [{ receipt: String(cited?.digest) }],
          supersedes: conclusion,
          ...common,
        };
        const envelope = await signEnvelope(sampleKeys.olga, canonicalBytes(said), CONCLUSION_PAYLOAD_TYPE);
        await recordConclusion(lane, run, envelope);
      },
    });
  // The reviewer pins what an owner would have authorized, so that authority is no question here.
  const pinnedOf = (files: ReadonlyMap<string, Uint8Array>) =>
    [...files]
      .filter(([path]) => /^definitions\/(engagement|principals|policies|catalog-lock)\//.test(path))
      .map(([, bytes]) => digestOf(bytes));

  it.each(["withdrawn", "superseded"] as const)(
    "is %s by nobody whom the reviewer lists as no owner",
    async (how) => {
      const { files } = await ended(how);
      const pinned = pinnedOf(files);
      expect(await verdict(files, { ...sampleTrust(), pinned })).toEqual(["valid", []]);
      expect(await verdict(files, { ...relisted(["operator"]), pinned })).toEqual([
        "invalid",
        ["FAILURE_APPROVAL_INVALID"],
      ]);
      const trust = sampleTrust({ pinned });
      const without = { ...trust, principals: trust.principals.filter(({ id }) => id !== "olga") };
      expect(await verdict(files, without)).toEqual(["indeterminate", []]);
    },
  );
});

describe("the lifecycle of evidence", () => {
  it("asks for a role that principal and engagement both have", () => {
    const state = { artifact: {} as never, sensitivity: "internal" as const, holds: new Set<string>() };
    const decide = (roles: string[]) =>
      decideEvidence({
        action: "retire",
        state,
        principal: "olga",
        engagement: { principals: [{ id: "olga", roles: ["owner"] }] } as never,
        principals: { principals: [{ id: "olga", type: "human", roles }] } as never,
        disabled: [],
        custody: "held",
      });
    expect(decide(["owner"])).toEqual({ decision: "allow" });
    expect(decide(["operator"])).toEqual({ decision: "deny", reason: "not-entitled" });
  });
});
