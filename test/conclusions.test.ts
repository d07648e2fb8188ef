// Conclusions that were superseded or withdrawn: recorded through the governed path, judged by the verifier.
import { describe, expect, it } from "vitest";
import type { ConclusionStatement, WithdrawalStatement } from "../src/contract/signed-statements.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { type Digest, hexOf } from "../src/format/digest.ts";
import { type Envelope, envelopeDigest } from "../src/format/dsse.ts";
import { signEnvelope } from "../src/format/signer.ts";
import { CONCLUSION_PAYLOAD_TYPE, WITHDRAWAL_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { engagementStream } from "../src/ledger/streams.ts";
import { appendReceipt } from "../src/run/append-receipt.ts";
import { pinEnvelope } from "../src/run/document-pin.ts";
import { reportEngagement } from "../src/run/engagement-report.ts";
import type { Lane } from "../src/run/lane.ts";
import { readConclusions } from "../src/run/read-conclusions.ts";
import { runParts } from "../src/run/receipt-entry.ts";
import { recordConclusion } from "../src/run/record-conclusion.ts";
import { recordWithdrawal } from "../src/run/record-withdrawal.ts";
import { memoryBundle, type Report, renderReport, verifyBundle } from "../src/verifier/index.ts";
import { type SampleOptions, sampleBundle, sampleKeys } from "./fixtures/sample-bundle.ts";

type Person = "anna" | "olga" | "otto";
const NOW = "2026-11-23T11:00:00.000Z";

function standing(lane: Lane): Digest {
  const found = readConclusions(lane.store, "acme").all.find(({ end }) => end === undefined);
  if (found === undefined) throw new Error("no conclusion stands");
  return found.digest;
}

function withdrawal(
  lane: Lane,
  run: string,
  by: Person,
  more: Partial<WithdrawalStatement> = {},
): Promise<Envelope> {
  const statement: WithdrawalStatement = {
    purpose: "witnessops/withdrawal/v1",
    run,
    conclusion: standing(lane),
    principal: by,
    reason: "the greeting was a banner",
    signedAt: NOW,
    ...more,
  };
  return signEnvelope(sampleKeys[by], canonicalBytes(statement), WITHDRAWAL_PAYLOAD_TYPE);
}

function conclusion(lane: Lane, run: string, by: Person, supersedes: string): Promise<Envelope> {
  const cited = lane.store.receipts(`run:${run}`).find(({ event }) => event === "step-executed");
  const statement: ConclusionStatement = {
    purpose: "witnessops/conclusion/v1",
    run,
    label: "inferred",
    statement: "the host greets some",
    confidence: "medium",
    cites: [{ receipt: String(cited?.digest) }],
    supersedes,
    principal: by,
    signedAt: NOW,
  };
  return signEnvelope(sampleKeys[by], canonicalBytes(statement), CONCLUSION_PAYLOAD_TYPE);
}

/** A host that asks nobody: it records a signed statement whether it is entitled or not. */
async function force(
  lane: Lane,
  run: string,
  name: "conclusion" | "withdrawal",
  envelope: Envelope,
): Promise<void> {
  const { document } = lane.states.load(run);
  const pinned = pinEnvelope(envelope);
  const said = JSON.parse(new TextDecoder().decode(envelope.payload)) as {
    principal: string;
    conclusion?: string;
  };
  await appendReceipt(
    lane,
    engagementStream("acme"),
    {
      event: name === "conclusion" ? "conclusion-recorded" : "conclusion-withdrawn",
      subject: [{ name, digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(document, lane.origin, false),
        actor: { principal: said.principal, origin: lane.origin },
        detail: { [name]: pinned.digest, ...(name === "withdrawal" ? { conclusion: said.conclusion } : {}) },
      },
    },
    { change: { documents: [pinned] } },
  );
}

async function judge(after: NonNullable<SampleOptions["after"]>): Promise<Report> {
  const { files, trust } = await sampleBundle({ after });
  return verifyBundle(memoryBundle(files), trust);
}

const codesOf = (report: Report) => report.layers.flatMap(({ failures }) => failures.map(({ code }) => code));

describe("a conclusion", () => {
  it("is withdrawn by who concluded, and stays readable as withdrawn", async () => {
    let account = "";
    const report = await judge(async (lane, _keys, run) => {
      await recordWithdrawal(lane, run, await withdrawal(lane, run, "anna"));
      account = reportEngagement(lane.store, "acme", NOW)
        .inferred.map(({ state }) => state)
        .join();
    });
    expect(report.verdict).toBe("valid");
    expect(report.inferred).toMatchObject([{ statement: "the host greets everybody", state: "withdrawn" }]);
    expect(report.inferred[0]?.ended).toMatch(/^withdrawn by anna at .*: the greeting was a banner$/);
    expect(renderReport(report)).toContain('[withdrawn] "the host greets everybody"');
    expect(account).toMatch(/^withdrawn by anna/);
  });

  it("is not surely withdrawn by a key that somebody else may have had", async () => {
    const { files, trust } = await sampleBundle({
      after: async (lane, _keys, run) => {
        await recordWithdrawal(lane, run, await withdrawal(lane, run, "anna"));
      },
    });
    const { keyId } = sampleKeys.anna.publicKey;
    const compromised = [{ keyId, since: "2026-11-01T00:00:00Z" }];
    const report = await verifyBundle(memoryBundle(files), { ...trust, compromised });
    const said = report.layers.flatMap(({ failures, doubts }) => [
      ...failures.map(({ message }) => message),
      ...doubts,
    ]);
    expect(report.verdict).not.toBe("valid");
    expect(said.filter((text) => text.includes("the withdrawal of a person"))).not.toEqual([]);
  });

  it("is superseded by an owner, whose conclusion stands", async () => {
    const report = await judge(async (lane, _keys, run) => {
      await recordConclusion(lane, run, await conclusion(lane, run, "olga", standing(lane)));
    });
    expect(report.verdict).toBe("valid");
    expect(report.inferred.map(({ state, principal }) => [state, principal])).toEqual([
      ["superseded", "anna"],
      ["stands", "olga"],
    ]);
  });

  it("is ended by nobody else, not twice, and not where it is not", async () => {
    await judge(async (lane, _keys, run) => {
      const refused = (reason: string) =>
        expect.objectContaining({ code: "STATEMENT_REFUSED", message: expect.stringContaining(reason) });
      const first = standing(lane);
      await expect(recordWithdrawal(lane, run, await withdrawal(lane, run, "otto"))).rejects.toThrow(
        refused("not-entitled"),
      );
      await expect(recordConclusion(lane, run, await conclusion(lane, run, "otto", first))).rejects.toThrow(
        refused("not-entitled"),
      );
      await expect(
        recordConclusion(lane, run, await conclusion(lane, run, "anna", `sha256:${"0".repeat(64)}`)),
      ).rejects.toThrow(refused("conclusion-unknown"));
      const late = await withdrawal(lane, run, "olga");
      await recordWithdrawal(lane, run, await withdrawal(lane, run, "anna"));
      await expect(recordWithdrawal(lane, run, late)).rejects.toThrow(refused("conclusion-ended"));
    });
  });
});

describe("a host that ends a conclusion by itself", () => {
  it("is found when the signer was not entitled", async () => {
    const report = await judge(async (lane, _keys, run) =>
      force(lane, run, "withdrawal", await withdrawal(lane, run, "otto")),
    );
    expect(report.verdict).toBe("invalid");
    expect(codesOf(report)).toEqual(["FAILURE_APPROVAL_INVALID"]);
    expect(report.inferred).toMatchObject([{ state: "stands" }]);
  });

  it("is found when a conclusion is ended twice", async () => {
    const report = await judge(async (lane, _keys, run) => {
      const late = await conclusion(lane, run, "olga", standing(lane));
      await recordWithdrawal(lane, run, await withdrawal(lane, run, "anna"));
      await force(lane, run, "conclusion", late);
    });
    expect(codesOf(report)).toEqual(["FAILURE_APPROVAL_INVALID"]);
  });

  it("is found when there is no such conclusion", async () => {
    const report = await judge(async (lane, _keys, run) => {
      const absent = {
        conclusion: envelopeDigest(await conclusion(lane, run, "otto", `sha256:${"0".repeat(64)}`)),
      };
      await force(lane, run, "withdrawal", await withdrawal(lane, run, "otto", absent));
    });
    expect(codesOf(report)).toEqual(["FAILURE_COMPLETENESS"]);
  });

  it("is found when the receipt names another person or conclusion than was signed", async () => {
    const report = await judge(async (lane, _keys, run) => {
      const other = { principal: "anna" };
      const signed = await withdrawal(lane, run, "otto", other);
      await force(lane, run, "withdrawal", signed);
    });
    expect(codesOf(report)).toEqual(["FAILURE_SIGNATURE_INVALID"]);
  });
});
