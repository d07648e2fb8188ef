import type { ApprovalRequest } from "../contract/approval-request.ts";
import type { Contract } from "../contract/contract.ts";
import type { ApprovalStatement } from "../contract/signed-statements.ts";
import { canonicalBytes, parseCanonicalJson } from "../format/canonical-json.ts";
import { type Envelope, envelopeDigest, envelopeToJson } from "../format/dsse.ts";
import { DURATION_PATTERN, millisOfDuration } from "../format/duration.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import { APPROVAL_PAYLOAD_TYPE } from "../format/statement.ts";
import { utcFromMillis } from "../format/time.ts";
import { requestDigest } from "../gate/request-digest.ts";
import type { Lane } from "../run/lane.ts";
import { recordApproval } from "../run/record-approval.ts";
import { readDecision, readRequest } from "./approval-file.ts";
import { refused, usage } from "./cli-error.ts";
import type { Context, Result } from "./command.ts";
import { confirm } from "./confirm.ts";
import { printAction } from "./describe-action.ts";
import { whyItDoesNotCount } from "./discounted-approval.ts";
import { exit } from "./exit.ts";
import { findRequest } from "./find-request.ts";
import { withLane } from "./open-lane.ts";
import { Printer } from "./output.ts";
import { randomHex } from "./random-hex.ts";
import { type SignStatement, statementSigner } from "./statement-signer.ts";
import { writeNewFile } from "./write-file.ts";

/** What `run approve` and `run reject` were told. */
export interface Decision {
  readonly decision: ApprovalStatement["decision"];
  readonly run: string | undefined;
  readonly step: string | undefined;
  /** The decision is about all elements of a `forEach` step at once. */
  readonly list: boolean;
  readonly key: string | undefined;
  readonly sshKey: string | undefined;
  readonly as: string | undefined;
  readonly reason: string | undefined;
  /** How long an approval may be used; default 24h. */
  readonly valid: string | undefined;
  readonly yes: boolean;
  /** A request that was copied here: sign it and write `out`. */
  readonly request: string | undefined;
  readonly out: string | undefined;
  /** A decision that was signed elsewhere: record it. */
  readonly import: string | undefined;
}

/** Shows the action that waits, asks, signs the decision over its digest and records it. Executes nothing. */
export async function decide(asked: Decision, context: Context): Promise<Result> {
  if (asked.import !== undefined) return importDecision(asked, asked.import, context);
  const as = asked.as ?? missing("--as <principal>", "who decides");
  const until = utcFromMillis(Date.now() + validMillis(asked.valid ?? "24h"));
  if (asked.request !== undefined) return signRequest(asked, as, until, asked.request);
  const run =
    asked.run ?? missing("<run>", "the run that waits, or `--request <file>`, or `--import <file>`");
  return withLane(context, async ({ lane }) => {
    const state = lane.states.load(run);
    const request = await findRequest(lane, state, asked);
    const contract = lane.pinned.read("contract", request.action.contract.digest);
    const sign = await statementSigner(asked, as, lane.pinned.read("principals", state.document.principals));
    await ask(asked, as, request, contract);
    const envelope = await signDecision(sign, asked, as, requestDigest(request), until);
    return record(lane, run, asked, envelope, { request, contract });
  });
}

/** On a machine without the workspace: everything that is shown and signed comes from the file. */
async function signRequest(asked: Decision, as: string, until: string, path: string): Promise<Result> {
  const out = asked.out ?? missing("--out <file>", "where the signed decision goes");
  const { request, contract } = readRequest(path);
  const sign = await statementSigner(asked, as, undefined);
  await ask(asked, as, request, contract);
  const digest = requestDigest(request);
  const envelope = await signDecision(sign, asked, as, digest, until);
  const { run } = request.action;
  const signed = { schema: "witnessops/signed-decision/v1", run, envelope: envelopeToJson(envelope) };
  writeNewFile(out, canonicalBytes(signed));
  return {
    exit: exit.done,
    json: { path: out, run, actionDigest: digest, keyId: envelope.signature.keyId, decision: asked.decision },
    print(printer) {
      if (asked.yes) printAction(printer, { request, contract });
      printer.line();
      printer.line(
        `signed ${digest} with ${envelope.signature.keyId}; recorded nowhere yet. In the workspace:`,
      );
      printer.line(`  witnessops run ${asked.decision} --import ${out}`);
    },
  };
}

async function importDecision(asked: Decision, path: string, context: Context): Promise<Result> {
  const { run, envelope } = readDecision(path);
  const said = decisionIn(envelope);
  if (said !== asked.decision) {
    throw refused(
      `\`${path}\` does not hold ${asked.decision === "approve" ? "an approval" : "a rejection"}: it says \`${said}\``,
      said === "reject"
        ? `witnessops run reject --import ${path}`
        : `witnessops run approve --import ${path}`,
    );
  }
  return withLane(context, async ({ lane }) => record(lane, run, asked, envelope, undefined));
}

function decisionIn(envelope: Envelope): string {
  try {
    const value: Json = parseCanonicalJson(envelope.payload);
    return isJsonObject(value) ? String(value.decision).slice(0, 20) : "nothing";
  } catch {
    return "nothing";
  }
}

interface Shown {
  readonly request: ApprovalRequest;
  readonly contract: Contract;
}

async function record(
  lane: Lane,
  run: string,
  asked: Decision,
  envelope: Envelope,
  shown: Shown | undefined,
): Promise<Result> {
  const { invocation, approval } = await recordApproval(lane, run, envelope);
  const because = await whyItDoesNotCount(lane, run, invocation, approval.digest);
  return {
    exit: exit.done,
    json: {
      run,
      invocation,
      approval,
      ...(because === undefined ? {} : { doesNotCount: because }),
      ...(shown === undefined ? {} : { action: shown.request.action }),
      envelopeDigest: envelopeDigest(envelope),
    },
    print(out) {
      if (asked.yes && shown !== undefined) printAction(out, shown);
      out.line();
      out.line(
        { text: approval.decision === "approve" ? "approved" : "rejected", style: "bold" },
        ` by ${approval.principal} with ${approval.keyId}${approval.decision === "approve" ? `, until ${approval.notAfter}` : ""}`,
      );
      if (because !== undefined) {
        out.line(
          "recorded, and ",
          { text: "it does not count", style: "warn" },
          `: ${because}. Somebody else has to decide:`,
        );
        out.line(`  witnessops run show ${run}`);
        return;
      }
      out.line("recorded; nothing was executed. Next:");
      out.line(`  witnessops run resume ${run}`);
    },
  };
}

async function ask(asked: Decision, as: string, request: ApprovalRequest, contract: Contract): Promise<void> {
  if (asked.yes) return;
  printAction(new Printer(process.stderr), { request, contract });
  await confirm(`${as} would ${asked.decision} this.`, asked.decision);
}

function signDecision(
  sign: SignStatement,
  { decision, reason }: Decision,
  principal: string,
  digest: string,
  notAfter: string,
): Promise<Envelope> {
  const statement: ApprovalStatement = {
    purpose: "witnessops/approval/v1",
    decision,
    actionDigest: digest,
    principal,
    ...(reason === undefined ? {} : { reason }),
    notAfter,
    nonce: randomHex(16),
  };
  return sign(canonicalBytes(statement), APPROVAL_PAYLOAD_TYPE);
}

function missing(what: string, why: string): never {
  throw usage(`\`${what}\` is missing: ${why}`, "witnessops run approve --help");
}

function validMillis(text: string): number {
  if (!new RegExp(DURATION_PATTERN).test(text))
    throw usage(`\`${text}\` is no duration`, "write `30m`, `24h` or `7d`");
  return millisOfDuration(text);
}
