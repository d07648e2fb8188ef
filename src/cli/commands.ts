import type { CliCommand } from "./command.ts";

/** One command: its words, one line about it, and where it lives. */
export interface CommandEntry {
  /** `noun verb`, or one word. */
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ readonly command: CliCommand }>;
}

/** Words that group commands, in the order of `--help`. */
export const nouns: readonly { readonly noun: string; readonly summary: string }[] = [
  { noun: "catalog", summary: "the contracts that may be called" },
  { noun: "runbook", summary: "ordered steps over contracts" },
  { noun: "engagement", summary: "who may do what to which targets, when and why" },
  { noun: "principal", summary: "people, agents and services of this workspace" },
  { noun: "key", summary: "key files" },
  { noun: "trust", summary: "what a reviewer trusts: trust.json" },
  { noun: "run", summary: "start, follow, approve and end runs" },
  { noun: "artifact", summary: "captured evidence" },
  { noun: "receipt", summary: "signed statements about governed events" },
  { noun: "log", summary: "the transparency log, and witnesses of logs" },
  { noun: "bundle", summary: "proof bundles" },
];

/** Every command there is. */
export const commands: readonly CommandEntry[] = [
  { name: "init", summary: "make a workspace", load: () => import("./init.ts") },
  {
    name: "demo",
    summary: "watch two runbooks go through the whole governed path",
    load: () => import("./demo.ts"),
  },
  {
    name: "doctor",
    summary: "look for what is wrong with host and workspace",
    load: () => import("./doctor.ts"),
  },
  { name: "catalog list", summary: "list the contracts", load: () => import("./catalog-list.ts") },
  {
    name: "catalog show",
    summary: "one contract with its boundary table",
    load: () => import("./catalog-show.ts"),
  },
  {
    name: "catalog lint",
    summary: "say what is wrong with contracts",
    load: () => import("./catalog-lint.ts"),
  },
  {
    name: "catalog new",
    summary: "draft a contract, asking for what it must say",
    load: () => import("./catalog-new.ts"),
  },
  {
    name: "catalog test",
    summary: "try a contract with recorded results, a mock of its description, or one real call",
    load: () => import("./catalog-test.ts"),
  },
  {
    name: "catalog lock",
    summary: "pin every contract and runbook to its digest",
    load: () => import("./catalog-lock.ts"),
  },
  {
    name: "catalog suspend",
    summary: "deny every call of a contract until it is reinstated",
    load: () => import("./catalog-suspend.ts"),
  },
  {
    name: "catalog revoke",
    summary: "deny every call of a contract for good",
    load: () => import("./catalog-revoke.ts"),
  },
  {
    name: "catalog reinstate",
    summary: "end a suspension",
    load: () => import("./catalog-reinstate.ts"),
  },
  {
    name: "catalog import",
    summary: "draft contracts from what a system says about itself",
    load: () => import("./catalog-import.ts"),
  },
  {
    name: "catalog drift",
    summary: "which contracts are no longer what their system says about itself",
    load: () => import("./catalog-drift.ts"),
  },
  {
    name: "catalog diff",
    summary: "what changed in the boundary between two versions",
    load: () => import("./catalog-diff.ts"),
  },
  {
    name: "runbook lint",
    summary: "say what is wrong with runbooks",
    load: () => import("./runbook-lint.ts"),
  },
  {
    name: "runbook import",
    summary: "draft a runbook from a playbook of another system",
    load: () => import("./runbook-import.ts"),
  },
  { name: "runbook show", summary: "one runbook", load: () => import("./runbook-show.ts") },
  {
    name: "runbook plan",
    summary: "decide every gate of a run, call nothing",
    load: () => import("./runbook-plan.ts"),
  },
  {
    name: "runbook diff",
    summary: "what changed between two versions",
    load: () => import("./runbook-diff.ts"),
  },
  {
    name: "engagement new",
    summary: "write a new engagement to edit",
    load: () => import("./engagement-new.ts"),
  },
  {
    name: "engagement show",
    summary: "one engagement and whether it holds",
    load: () => import("./engagement-show.ts"),
  },
  { name: "engagement list", summary: "list the engagements", load: () => import("./engagement-list.ts") },
  {
    name: "engagement authorize",
    summary: "sign what an engagement's runs will pin, as its owner",
    load: () => import("./engagement-authorize.ts"),
  },
  {
    name: "engagement check",
    summary: "whether a target is allowed, call nothing",
    load: () => import("./engagement-check.ts"),
  },
  {
    name: "engagement letter",
    summary: "add a signed letter that permits targets",
    load: () => import("./engagement-letter.ts"),
  },
  {
    name: "engagement prove",
    summary: "look up the token by which a domain's owner permits it",
    load: () => import("./engagement-prove.ts"),
  },
  {
    name: "engagement import-scope",
    summary: "add targets from a list",
    load: () => import("./engagement-import-scope.ts"),
  },
  {
    name: "engagement freeze",
    summary: "a change freeze for the whole workspace",
    load: () => import("./engagement-freeze.ts"),
  },
  {
    name: "engagement unfreeze",
    summary: "end the freeze",
    load: () => import("./engagement-unfreeze.ts"),
  },
  {
    name: "engagement halt",
    summary: "stop everything in an engagement",
    load: () => import("./engagement-halt.ts"),
  },
  { name: "engagement close", summary: "end an engagement", load: () => import("./engagement-close.ts") },
  { name: "principal add", summary: "add a principal", load: () => import("./principal-add.ts") },
  { name: "principal list", summary: "list the principals", load: () => import("./principal-list.ts") },
  {
    name: "principal disable",
    summary: "disable a principal from now on",
    load: () => import("./principal-disable.ts"),
  },
  { name: "key new", summary: "make a key file", load: () => import("./key-new.ts") },
  { name: "key list", summary: "list the keys of this workspace", load: () => import("./key-list.ts") },
  { name: "key export", summary: "print the public half of a key", load: () => import("./key-export.ts") },
  {
    name: "key rotate",
    summary: "sign with a new issuer key, or certify with a new root",
    load: () => import("./key-rotate.ts"),
  },
  {
    name: "key revoke",
    summary: "sign that a key may have been in other hands",
    load: () => import("./key-revoke.ts"),
  },
  {
    name: "key certify",
    summary: "certify an issuer key where the issuer root is held",
    load: () => import("./key-certify.ts"),
  },
  { name: "trust new", summary: "make a trust file", load: () => import("./trust-new.ts") },
  { name: "trust add", summary: "add a key to a trust file", load: () => import("./trust-add.ts") },
  {
    name: "trust show",
    summary: "whom a trust file trusts, with fingerprints",
    load: () => import("./trust-show.ts"),
  },
  {
    name: "run start",
    summary: "start a run and drive it until it waits or ends",
    load: () => import("./run-start.ts"),
  },
  { name: "run list", summary: "list the runs", load: () => import("./run-list.ts") },
  { name: "run show", summary: "one run, its steps and its boundary", load: () => import("./run-show.ts") },
  { name: "run watch", summary: "follow a run until it ends", load: () => import("./run-watch.ts") },
  {
    name: "run request",
    summary: "write a request for approval to a file",
    load: () => import("./run-request-approval.ts"),
  },
  {
    name: "run approve",
    summary: "sign an approval of the action that waits",
    load: () => import("./run-approve.ts"),
  },
  {
    name: "run approvals",
    summary: "who approved or rejected what, and export it for ssh-keygen",
    load: () => import("./run-approvals.ts"),
  },
  {
    name: "run reject",
    summary: "sign a rejection of the action that waits",
    load: () => import("./run-reject.ts"),
  },
  { name: "run resume", summary: "drive a run on", load: () => import("./run-resume.ts") },
  { name: "run cancel", summary: "cancel what is left of a run", load: () => import("./run-cancel.ts") },
  {
    name: "run escalation",
    summary: "what was handed over with an escalation",
    load: () => import("./run-escalation.ts"),
  },
  { name: "run answer", summary: "answer a step that a person does", load: () => import("./run-answer.ts") },
  {
    name: "run listen",
    summary: "take the webhooks that runs wait for",
    load: () => import("./run-listen.ts"),
  },
  {
    name: "run break-glass",
    summary: "act without the approval that is needed, to be reviewed",
    load: () => import("./run-break-glass.ts"),
  },
  {
    name: "run review",
    summary: "review what was done without approval",
    load: () => import("./run-review.ts"),
  },
  {
    name: "run resolve",
    summary: "say with a signature what became of an attempt in doubt",
    load: () => import("./run-resolve.ts"),
  },
  { name: "call", summary: "call one contract", load: () => import("./call.ts") },
  { name: "artifact list", summary: "list captured artifacts", load: () => import("./artifact-list.ts") },
  {
    name: "artifact get",
    summary: "the exact bytes of an artifact",
    load: () => import("./artifact-get.ts"),
  },
  {
    name: "artifact import",
    summary: "add evidence from outside the lane",
    load: () => import("./artifact-import.ts"),
  },
  {
    name: "artifact classify",
    summary: "say how sensitive an artifact is",
    load: () => import("./artifact-classify.ts"),
  },
  {
    name: "artifact hold",
    summary: "keep an artifact from being retired, or end that",
    load: () => import("./artifact-hold.ts"),
  },
  {
    name: "artifact release",
    summary: "encrypt one artifact to one recipient, with a receipt",
    load: () => import("./artifact-release.ts"),
  },
  {
    name: "artifact open",
    summary: "open a sealed or released artifact and check its commitment",
    load: () => import("./artifact-open.ts"),
  },
  {
    name: "artifact redact",
    summary: "add a copy with less in it, which a person looked at",
    load: () => import("./artifact-redact.ts"),
  },
  {
    name: "artifact retire",
    summary: "remove an artifact's bytes for good, with a signature",
    load: () => import("./artifact-retire.ts"),
  },
  { name: "conclude", summary: "sign what you infer from a run", load: () => import("./conclude.ts") },
  { name: "receipt list", summary: "list receipts", load: () => import("./receipt-list.ts") },
  {
    name: "receipt stamp",
    summary: "ask for the time-stamps that are still lacking",
    load: () => import("./receipt-stamp.ts"),
  },
  { name: "receipt show", summary: "one receipt", load: () => import("./receipt-show.ts") },
  {
    name: "log checkpoint",
    summary: "log every receipt, sign the head and publish it",
    load: () => import("./log-checkpoint.ts"),
  },
  {
    name: "log prove",
    summary: "show that a receipt is in the log, to be checked offline",
    load: () => import("./log-prove.ts"),
  },
  {
    name: "log audit",
    summary: "read every entry and artifact again and compare with what was signed",
    load: () => import("./log-audit.ts"),
  },
  {
    name: "log witness",
    summary: "be a witness: cosign the checkpoints of others' logs",
    load: () => import("./log-witness.ts"),
  },
  {
    name: "report",
    summary: "what happened in an engagement, as the host tells it",
    load: () => import("./report.ts"),
  },
  {
    name: "bundle export",
    summary: "write the proof bundle of runs",
    load: () => import("./bundle-export.ts"),
  },
  {
    name: "bundle unpack",
    summary: "turn a bundle's tar into a folder",
    load: () => import("./bundle-unpack.ts"),
  },
  { name: "verify", summary: "check a bundle or a receipt offline", load: () => import("./verify.ts") },
  {
    name: "what-if",
    summary: "decide recorded runs with a changed runbook or policy",
    load: () => import("./what-if.ts"),
  },
  {
    name: "map",
    summary: "list a bundle's evidence by the requirements of a framework",
    load: () => import("./map.ts"),
  },
];
