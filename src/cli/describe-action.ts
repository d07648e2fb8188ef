import type { ActionDocument } from "../contract/action-document.ts";
import { groupsOf } from "../contract/approval-groups.ts";
import type { ApprovalRequest } from "../contract/approval-request.ts";
import { changedSince } from "../contract/changed-action.ts";
import type { Contract } from "../contract/contract.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { requestDigest } from "../gate/request-digest.ts";
import type { Printer } from "./output.ts";

/**
 * Prints an action in plain words, from the document that its digest covers.
 *
 * @param contract the contract whose digest the action names.
 */
export function printAction(
  out: Printer,
  { request, contract }: { readonly request: ApprovalRequest; readonly contract: Contract },
): void {
  const { action, approvedBy, list } = request;
  const { engagement, runbook } = action;
  const outside = contract.boundary.external;
  out.pairs([
    ["what", `${contract.title} (${action.contract.id}@${action.contract.version})`],
    ["effect", { text: action.effect, style: action.effect === "read" ? "plain" : "warn" }],
    ...(list === undefined
      ? placesOf(action)
      : [["how many", `${list.length} actions, listed below`] as const]),
    ["never does", contract.scope.disallowed.join("; ")],
    ["not in our control", (Array.isArray(outside) ? outside : Object.values(outside).flat()).join("; ")],
    ["why", action.ticket === undefined ? action.objective : `${action.objective} (${action.ticket})`],
    ["technique", action.technique],
    ["asked by", action.requester],
    ["under", `engagement ${engagement.id}@${engagement.version}, runbook ${runbook.id}@${runbook.version}`],
    ["step", list === undefined ? action.invocation : `${action.run}/${action.step}, every element`],
    ["rule", describeRule(action.approvalRule, action.requester)],
    ["approved so far", approvedBy.length === 0 ? "by nobody" : `by ${approvedBy.join(", ")}`],
    ["since last time", changesOf(request)],
    ["until", request.expiresAt ?? "the engagement's window ends"],
    ["digest", { text: requestDigest(request), style: "bold" }],
  ]);
  if (list === undefined) return;
  out.heading("the list");
  out.table(
    ["element", "where", "connects to", "inputs"],
    list.map((one) => [one.forEachKey ?? "", ...placesOf(one).map(([, text]) => text)]),
  );
}

function placesOf(action: ActionDocument): (readonly [string, string])[] {
  return [
    ["where", action.subjects.map(({ kind, value }) => `${kind}:${value}`).join(", ")],
    ["connects to", endpointsOf(action)],
    ["inputs", inputsOf(action)],
  ];
}

/** An approval rule in words. */
export function describeRule(rule: ApprovalRule, requester: string): string {
  if (rule === "none") return "no approval needed";
  if (rule === "self") return `${requester} may approve it`;
  if (rule === "designated") return `a designated approver other than ${requester}`;
  const { expiresIn } = rule;
  const who = groupsOf(rule)
    .map(
      ({ quorum, roles }) =>
        `${quorum} ${quorum === 1 ? "principal" : "different principals"} (${roles.join(" or ")})`,
    )
    .join(" and ");
  return `${who} other than ${requester}${expiresIn === undefined ? "" : `, within ${expiresIn}`}`;
}

function changesOf({ before, action }: ApprovalRequest): string {
  if (before === undefined) return "this host knows no earlier approval of this step";
  const changed = changedSince(before, action);
  return changed.length === 0 ? "nothing changed" : changed.join("; ");
}

function endpointsOf({ endpoints }: ActionDocument): string {
  if (endpoints.length === 0) return "nothing that WitnessOps guards";
  return endpoints
    .map(({ host, port, protocol }) => `${host}${port === undefined ? "" : `:${port}`}/${protocol}`)
    .join(", ");
}

function inputsOf({ inputs }: ActionDocument): string {
  const entries = Object.entries(inputs);
  if (entries.length === 0) return "none";
  return entries.map(([name, value]) => `${name} = ${canonicalJson(value)}`).join("; ");
}
