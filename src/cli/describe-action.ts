import type { ActionDocument } from "../contract/action-document.ts";
import type { Contract } from "../contract/contract.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import type { Printer } from "./output.ts";

/** What stands around an action document when somebody is asked to decide on it. */
export interface ActionSetting {
  readonly action: ActionDocument;
  /** SHA-256 over the canonical JSON of `action`: what the decision is signed over. */
  readonly actionDigest: string;
  /** The contract whose digest the action names. */
  readonly contract: Contract;
  /** When the request expires, UTC. */
  readonly until: string;
}

/** Prints an action in plain words, from the document that its digest covers. */
export function printAction(out: Printer, { action, actionDigest, contract, until }: ActionSetting): void {
  const { engagement, runbook } = action;
  const outside = contract.boundary.external;
  out.pairs([
    ["what", `${contract.title} (${action.contract.id}@${action.contract.version})`],
    ["effect", { text: action.effect, style: action.effect === "read" ? "plain" : "warn" }],
    ["where", action.subjects.map(({ kind, value }) => `${kind}:${value}`).join(", ")],
    ["connects to", endpointsOf(action)],
    ["inputs", inputsOf(action)],
    ["never does", contract.scope.disallowed.join("; ")],
    ["not in our control", (Array.isArray(outside) ? outside : Object.values(outside).flat()).join("; ")],
    ["why", action.ticket === undefined ? action.objective : `${action.objective} (${action.ticket})`],
    ["technique", action.technique],
    ["asked by", action.requester],
    ["under", `engagement ${engagement.id}@${engagement.version}, runbook ${runbook.id}@${runbook.version}`],
    ["step", action.invocation],
    ["rule", describeRule(action.approvalRule, action.requester)],
    ["until", until],
    ["digest", { text: actionDigest, style: "bold" }],
  ]);
}

/** An approval rule in words. */
export function describeRule(rule: ApprovalRule, requester: string): string {
  if (rule === "none") return "no approval needed";
  if (rule === "self") return `${requester} may approve it`;
  if (rule === "designated") return `a designated approver other than ${requester}`;
  const { quorum, roles, expiresIn } = rule;
  const who = `${quorum} ${quorum === 1 ? "principal" : "different principals"} (${roles.join(" or ")})`;
  return `${who} other than ${requester}${expiresIn === undefined ? "" : `, within ${expiresIn}`}`;
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
