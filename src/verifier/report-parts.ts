import { boundaryTable } from "../contract/boundary-table.ts";
import { referenceOf } from "../contract/contract.ts";
import { isolationText } from "../contract/isolation-text.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { gateRecordDigest, readGateRecord } from "./gate-record-binding.ts";
import type { BoundaryTable, DeniedReport, RunReport, StepReport } from "./report.ts";
import { reportTime, type TimeBoundsOf } from "./time-bounds.ts";

const MAX_ASSERTED = 500;

export function reportRun(run: ClaimedRun, authorized: boolean, bounds: TimeBoundsOf): RunReport {
  const { document, opened, closed, receipts, id } = run;
  const { notBefore } = bounds(opened.digest);
  const { notAfter } = bounds((closed ?? receipts.at(-1) ?? opened).digest);
  return {
    id,
    runbook: referenceOf(document.runbook),
    engagement: referenceOf(document.engagement),
    requester: document.requester,
    objective: document.objective,
    openedAt: document.openedAt,
    outcome: closed === undefined ? "open" : String(closed.predicate.detail?.outcome),
    authorized,
    time: reportTime(document.openedAt, { notBefore, notAfter }),
  };
}

/** Every denied step with the targets it was denied for. */
export async function deniedSteps(bundle: Bundle, runs: readonly ClaimedRun[]): Promise<DeniedReport[]> {
  const denied: DeniedReport[] = [];
  for (const run of runs) {
    for (const receipt of run.receipts) {
      const { event, gates, detail, invocation, step } = receipt.predicate;
      if (event !== "step-denied") continue;
      const named = gateRecordDigest(receipt);
      const record = named === undefined ? undefined : await readGateRecord(bundle, named);
      const refusing = gates?.find(({ decision }) => decision === "deny");
      denied.push({
        invocation: invocation?.id ?? `${run.id}/${step?.id ?? ""}`,
        targets: record?.action.subjects.map(({ kind, value }) => `${kind}:${value}`) ?? [],
        gate: refusing?.gate ?? "none",
        reason: refusing?.reason ?? String(detail?.reason ?? "unknown"),
        receipt: receipt.digest,
      });
    }
  }
  return denied;
}

/** The boundary table of every contract that a step named, each once. */
export function boundaryTables(bundle: Bundle, steps: readonly StepReport[]): BoundaryTable[] {
  const references = new Set(steps.flatMap(({ contract }) => (contract === undefined ? [] : [contract])));
  return [...references].sort().flatMap((reference) => {
    const contract = bundle.contracts.get(reference)?.contract;
    if (contract === undefined) return [];
    const rows = boundaryTable(contract).map(({ row, controlled, external }) => ({
      row,
      witnessops: controlled,
      external,
    }));
    return [{ contract: reference, rows, attests: contract.attests, doesNotAttest: contract.doesNotAttest }];
  });
}

/** What only the host says. Bounded; the receipts hold all of it. */
export async function hostAsserted(bundle: Bundle, runs: readonly ClaimedRun[]): Promise<string[]> {
  const facts = new Set<string>();
  for (const { receipts, document, id } of runs) {
    const last = receipts.at(-1)?.predicate.time.claimedUtc ?? document.openedAt;
    facts.add(`run \`${id}\`: all times, from ${document.openedAt} to ${last}`);
    facts.add(`run \`${id}\`: that \`${document.requester}\` asked for it; a request is not signed`);
    facts.add(`run \`${id}\`: its objective, \`${document.objective.slice(0, 200)}\``);
    const inputs = canonicalJson(document.inputs);
    const shown = inputs.length > 500 ? `${inputs.slice(0, 500)}…` : inputs;
    facts.add(`run \`${id}\`: its inputs, \`${shown}\``);
    for (const receipt of receipts) {
      if (facts.size >= MAX_ASSERTED) return [...facts, "and more: the list is cut"];
      const { invocation } = receipt.predicate;
      if (invocation === undefined) continue;
      const { adapter, isolation, egress } = invocation;
      facts.add(
        `adapter \`${adapter.id}\` ${adapter.version}: isolation ${isolationText(isolation)}, egress ${egress}`,
      );
      for (const { resolvedAddress, n } of invocation.attempts) {
        if (resolvedAddress !== undefined)
          facts.add(`\`${invocation.id}\` attempt ${n}: connected to ${resolvedAddress}`);
      }
      const named = gateRecordDigest(receipt);
      const live = named === undefined ? undefined : (await readGateRecord(bundle, named))?.live;
      if (live === undefined) continue;
      const { contract, engagement, freeze, disabledPrincipals, revokedKeys, isolation: offer } = live;
      if (offer !== undefined) {
        const text = "held" in offer ? isolationText(offer.held) : `refused, ${offer.refused}`;
        facts.add(`isolation that the host offers: ${text}`);
      }
      facts.add(
        `live status: contract ${contract}, engagement ${engagement}, ${freeze ? "freeze" : "no freeze"}, ` +
          `disabled principals: ${disabledPrincipals.join(", ") || "none"}` +
          (revokedKeys === undefined ? "" : `, revoked keys: ${revokedKeys.join(", ")}`),
      );
    }
  }
  return [...facts];
}

/** How a tool was held, in words. */

export function doubtfulSteps(steps: readonly StepReport[]): string[] {
  return steps
    .filter(({ outcome }) => outcome === "in-doubt" || outcome === "dispatched")
    .map(({ invocation }) => `\`${invocation}\`: whether it happened is not known`);
}
