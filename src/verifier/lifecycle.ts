import type { PrincipalSet } from "../contract/principal.ts";
import type { Envelope } from "../format/dsse.ts";
import { decideEvidence, type EvidenceAction } from "../gate/decide-evidence.ts";
import { type ArtifactState, startArtifactStates } from "../gate/evidence-state.ts";
import { checkLifecycle } from "../gate/lifecycle-statement.ts";
import type { Anchor } from "./anchor.ts";
import { trustedPrincipals } from "./approvals.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { boundBy, lifecycleReceipts } from "./evidence.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";
import { disabledBefore } from "./status-receipts.ts";

const actions: ReadonlyMap<string, EvidenceAction> = new Map([
  ["artifact-classified", "classify"],
  ["artifact-released", "release"],
  ["artifact-redacted", "redact"],
  ["artifact-held", "hold"],
  ["artifact-hold-ended", "end-hold"],
  ["artifact-retired", "retire"],
]);
const signed: ReadonlySet<EvidenceAction> = new Set(["redact", "end-hold", "retire"]);

/**
 * Checks what was done to a claimed run's artifacts afterwards: allowed by what the stream said before, and signed by a
 * person who may, by the pinned principals and again by the trust file (`spec/lifecycle.md`).
 */
export async function checkLifecycles(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  findings: Findings,
): Promise<void> {
  for (const run of runs) {
    const states = startArtifactStates(boundBy(run));
    for (const receipt of lifecycleReceipts(bundle, run)) {
      const action = actions.get(receipt.predicate.event);
      if (action !== undefined) {
        const state = states.get(idOf(receipt, action));
        await checkOne(bundle, run, receipt, action, state, anchor, findings);
      }
      states.follow(receipt);
    }
  }
}

/** Of a redaction the artifact that it was made from. */
function idOf({ predicate }: Receipt, action: EvidenceAction): string {
  return String(action === "redact" ? predicate.artifacts?.[0]?.derivedFrom : predicate.detail?.artifact);
}

async function checkOne(
  bundle: Bundle,
  run: ClaimedRun,
  receipt: Receipt,
  action: EvidenceAction,
  state: ArtifactState | undefined,
  anchor: Anchor,
  findings: Findings,
): Promise<void> {
  const { predicate } = receipt;
  const { detail, actor, time } = predicate;
  const at = { receipt: receipt.digest };
  const { engagement, principals } = run;
  if (engagement === undefined || principals === undefined) return;
  if (state === undefined || (action !== "redact" && state.artifact.digest !== detail?.digest)) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "it is about an artifact that the run does not have", at);
    return;
  }
  const disabled = disabledBefore(bundle, time.claimedUtc);
  const decide = (known: PrincipalSet, custody?: "held" | "local"): string | undefined => {
    const decided = decideEvidence({
      action,
      state,
      principal: actor.principal,
      engagement,
      principals: known,
      disabled,
      ...(custody === undefined ? {} : { custody }),
      copy: predicate.artifacts?.[0]?.digest,
      sensitivity: detail?.sensitivity,
      hold: detail?.hold,
    });
    return decided.decision === "allow" ? undefined : decided.reason;
  };
  const refuse = (reason: string): void =>
    findings.fail(
      "FAILURE_APPROVAL_INVALID",
      `\`${actor.principal}\` may not ${action} artifact \`${state.artifact.id}\`: ${reason}`,
      at,
    );
  if (!signed.has(action)) {
    const reason = decide(principals);
    if (reason !== undefined) refuse(reason);
    const { sealed } = state.artifact;
    if (action === "release" && sealed !== undefined && sealed.commitment !== detail?.commitment) {
      const message = `what was released is not what artifact \`${state.artifact.id}\` is sealed over`;
      findings.fail("FAILURE_DIGEST_MISMATCH", message, at);
    }
    return;
  }
  const envelope = bundle.envelope("lifecycle", String(detail?.lifecycle));
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", "the signed statement that the receipt names is absent", at);
    return;
  }
  const judge = async (known: PrincipalSet): Promise<string | undefined> => {
    const checked = await checkLifecycle(envelope, known, time.claimedUtc);
    return checked.ok ? decide(known, checked.custody) : checked.reason;
  };
  const reason = await judge(principals);
  if (reason !== undefined) {
    refuse(reason);
    return;
  }
  if (!(await isAbout(envelope, principals, run, receipt, action))) {
    findings.fail("FAILURE_DIGEST_MISMATCH", "what was signed is about something else than its receipt", at);
    return;
  }
  if (!anchor.given) return;
  if (anchor.principal(actor.principal) === undefined) {
    findings.untested(
      `the trust file does not list \`${actor.principal}\`, who had to sign to ${action} \`${state.artifact.id}\``,
    );
    return;
  }
  const untrusted = await judge(trustedPrincipals(principals, anchor));
  if (untrusted === undefined) return;
  const message = `what \`${actor.principal}\` signed to ${action} \`${state.artifact.id}\` does not hold by the trust file: ${untrusted}`;
  findings.contradict("FAILURE_APPROVAL_INVALID", message, at);
}

async function isAbout(
  envelope: Envelope,
  principals: PrincipalSet,
  run: ClaimedRun,
  { predicate }: Receipt,
  action: EvidenceAction,
): Promise<boolean> {
  const checked = await checkLifecycle(envelope, principals, predicate.time.claimedUtc);
  if (!checked.ok) return false;
  const { detail, actor, artifacts } = predicate;
  const { statement } = checked;
  const derived = artifacts?.[0];
  const about =
    action === "redact"
      ? { artifact: derived?.id, digest: derived?.digest, derivedFrom: derived?.derivedFrom }
      : { artifact: detail?.artifact, digest: detail?.digest, reason: detail?.reason };
  const said: Readonly<Record<string, unknown>> = statement;
  return (
    statement.action === action &&
    statement.run === run.id &&
    statement.engagement === run.document.engagement.id &&
    statement.principal === actor.principal &&
    statement.hold === (action === "end-hold" ? detail?.hold : undefined) &&
    (action === "redact") === (statement.derivedFrom !== undefined) &&
    (action !== "redact" || artifacts?.length === 1) &&
    Object.entries(about).every(([name, value]) => said[name] === value)
  );
}
