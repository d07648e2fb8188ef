import type { ApprovalStatement } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Envelope, envelopeDigest } from "../format/dsse.ts";
import { DURATION_PATTERN, millisOfDuration } from "../format/duration.ts";
import { type Signer, signEnvelope } from "../format/signer.ts";
import { APPROVAL_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { actionDigest } from "../gate/action-digest.ts";
import { gateStep } from "../run/gate-step.ts";
import type { Lane } from "../run/lane.ts";
import { recordApproval } from "../run/record-approval.ts";
import { refused, usage } from "./cli-error.ts";
import type { Context, Result } from "./command.ts";
import { confirm } from "./confirm.ts";
import { type ActionSetting, printAction } from "./describe-action.ts";
import { exit } from "./exit.ts";
import { findWaiting } from "./find-waiting.ts";
import { withLane } from "./open-lane.ts";
import { Printer } from "./output.ts";
import { signAs } from "./sign-as.ts";

/** What `run approve` and `run reject` were told. */
export interface Decision {
  readonly decision: ApprovalStatement["decision"];
  readonly run: string;
  readonly step: string | undefined;
  readonly key: string;
  readonly as: string;
  readonly reason: string | undefined;
  /** How long an approval may be used; default 24h. */
  readonly valid: string | undefined;
  readonly yes: boolean;
}

/** Shows the action that waits, asks, signs the decision over its digest and records it. Executes nothing. */
export async function decide(asked: Decision, context: Context): Promise<Result> {
  const millis = validMillis(asked.valid ?? "24h");
  return withLane(context, async ({ lane }) => {
    const setting = settingOf(lane, asked);
    const principals = lane.pinned.read("principals", lane.states.load(asked.run).document.principals);
    const signer = signAs(asked.key, asked.as, principals);
    const until = utcFromMillis(Date.now() + millis);
    if (!asked.yes) {
      printAction(new Printer(process.stderr), setting);
      await confirm(`${asked.as} would ${asked.decision} this.`, asked.decision);
    }
    const envelope = await signDecision(signer, asked, setting.actionDigest, until, lane.randomHex(16));
    const { invocation, approval } = await recordApproval(lane, asked.run, envelope);
    const because = await whyItDoesNotCount(lane, asked.run, invocation, approval.digest);
    return {
      exit: exit.done,
      json: {
        run: asked.run,
        invocation,
        approval,
        ...(because === undefined ? {} : { doesNotCount: because }),
        action: setting.action,
        envelopeDigest: envelopeDigest(envelope),
      },
      print(out) {
        if (asked.yes) printAction(out, setting);
        out.line();
        out.line(
          { text: asked.decision === "approve" ? "approved" : "rejected", style: "bold" },
          ` by ${approval.principal} with ${approval.keyId}${asked.decision === "approve" ? `, until ${until}` : ""}`,
        );
        if (because !== undefined) {
          out.line(
            "recorded, and ",
            { text: "it does not count", style: "warn" },
            `: ${because}. Somebody else has to decide:`,
          );
          out.line(`  witnessops run show ${asked.run}`);
          return;
        }
        out.line("recorded; nothing was executed. Next:");
        out.line(`  witnessops run resume ${asked.run}`);
      },
    };
  });
}

function settingOf(lane: Lane, { run, step }: Decision): ActionSetting {
  const found = findWaiting(
    lane.states.load(run),
    step,
    "waits for an approval",
    ({ phase }) => phase === "paused",
  );
  const waiting = found.action;
  if (waiting === undefined) throw new TypeError("a paused invocation has an action");
  // What is shown is what is signed: the digest is computed from the document on the screen.
  if (actionDigest(waiting.document) !== waiting.digest) {
    throw refused("the recorded action does not have its digest", "witnessops doctor");
  }
  return {
    action: waiting.document,
    actionDigest: waiting.digest,
    contract: lane.pinned.read("contract", waiting.document.contract.digest),
    until: waiting.expiresAt ?? "the engagement's window ends",
  };
}

/** What the approval gate has against an approval that it was given; nobody should walk away thinking it counted. */
async function whyItDoesNotCount(
  lane: Lane,
  run: string,
  id: string,
  digest: string,
): Promise<string | undefined> {
  const state = lane.states.load(run);
  const step = state.steps.find(({ invocations }) => invocations?.some((one) => one.id === id));
  const invocation = step?.invocations?.find((one) => one.id === id);
  if (step === undefined || invocation === undefined) return undefined;
  const decided = await gateStep(lane, state, step, invocation, 1);
  if (!decided.ok) return undefined;
  const facts = decided.gated.record.gates.find(({ gate }) => gate === "approval")?.facts;
  const discounted = facts?.discounted as { approval: string; because: string }[] | undefined;
  return discounted?.find(({ approval }) => approval === digest)?.because;
}

function signDecision(
  signer: Signer,
  { decision, as, reason }: Decision,
  digest: string,
  notAfter: string,
  nonce: string,
): Promise<Envelope> {
  const statement: ApprovalStatement = {
    purpose: "witnessops/approval/v1",
    decision,
    actionDigest: digest,
    principal: as,
    ...(reason === undefined ? {} : { reason }),
    notAfter,
    nonce,
  };
  return signEnvelope(signer, canonicalBytes(statement), APPROVAL_PAYLOAD_TYPE);
}

function validMillis(text: string): number {
  if (!new RegExp(DURATION_PATTERN).test(text))
    throw usage(`\`${text}\` is no duration`, "write `30m`, `24h` or `7d`");
  return millisOfDuration(text);
}
