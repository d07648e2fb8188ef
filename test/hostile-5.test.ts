// What a hostile host, key holder or bundle author tried with the log, conclusions and the lifecycle of evidence.
import { beforeAll, describe, expect, it } from "vitest";
import type { Trust } from "../src/contract/trust.ts";
import { toBase64 } from "../src/format/base64.ts";
import { leafHash } from "../src/format/merkle.ts";
import { noteKeyOf, noteKeyText, noteKeyTypes } from "../src/format/signed-note.ts";
import { decideEvidence } from "../src/gate/decide-evidence.ts";
import { bytesOf, codes, verify } from "./fixtures/check-bundle.ts";
import { endConclusion, pinnedOf } from "./fixtures/end-conclusion.ts";
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
      after: (lane, _keys, run) => endConclusion(lane, run, how),
    });

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
