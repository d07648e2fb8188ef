import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { adapters } from "../adapters/all.ts";
import { groupsText } from "../contract/approval-groups.ts";
import { boundaryTable } from "../contract/boundary-table.ts";
import { checkOf, parseCatalogChecks } from "../contract/catalog-checks.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import { parseCatalogLock } from "../contract/parse-catalog-lock.ts";
import { parseContract } from "../contract/parse-contract.ts";
import { parseRunbook } from "../contract/parse-runbook.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import { historyOf, usedBy, versionsIn, versionText } from "./contract-history.ts";

/**
 * The page `docs/integrations/witnessops-catalog.md`: every contract of `catalog/` with what a reviewer asks
 * about. Made from the contracts, the lock, the marks and the runbooks, so that it cannot say anything else than they do.
 *
 * @param root folder that holds `catalog/`, `runbooks/` and the lock.
 * @throws ContractError when a contract has faults.
 */
export function catalogPage(root: string): string {
  const [contracts, drafts] = ["catalog/*/*.yaml", "catalog/drafts/*/*.yaml"].map((pattern) =>
    globSync(pattern, { cwd: root })
      .map((file) => parseContract(readFileSync(join(root, file), "utf8"), { file }))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
  ) as [Contract[], Contract[]];
  const path = join(root, "catalog", "checks.json");
  const checks = existsSync(path)
    ? parseCatalogChecks(readFileSync(path, "utf8"), { file: path })
    : undefined;
  const checkedBy = (contract: Contract): string => {
    const check = checkOf(checks, referenceOf(contract), digestOfDocument(contract));
    if (check !== undefined) return `${check.checked}: ${check.against}`;
    return drafts.includes(contract) ? "draft: documentation only" : "no";
  };
  const all = [...contracts, ...drafts];
  const runbooks = globSync("runbooks/*.yaml", { cwd: root })
    .sort()
    .map((file) => parseRunbook(readFileSync(join(root, file), "utf8"), { file }));
  const lockPath = join(root, "catalog.lock.json");
  const lock = existsSync(lockPath)
    ? parseCatalogLock(readFileSync(lockPath, "utf8"), { file: lockPath })
    : undefined;
  const sections = all.flatMap((contract) =>
    section(contract, checkedBy(contract), [
      ["used by", usedBy(contract, runbooks, contracts).join("; ") || "no runbook that comes with it"],
      ["history", historyOf(versionsIn(all, contract.id), lock).map(versionText).join("; ")],
    ]),
  );
  return `${[...introduction(all, checkedBy), ...sections].join("\n")}\n`;
}

function introduction(contracts: readonly Contract[], checkedBy: (contract: Contract) => string): string[] {
  return [
    "<!-- Generated from catalog/ by `npm run generate`. -->",
    "",
    "# The catalog",
    "",
    "The contracts that come with WitnessOps. What they have in common, and how to write one, is described in",
    "[the integration model](index.md). *Checked* says how a contract was held against its system before it came here: `live` against a real",
    "server, by `schema` against the vendor's own machine-readable description. Every mark is written by a test that makes the call through all gates.",
    "A `draft` was held against documentation only: it lies in `catalog/drafts/`, no lock takes it, and it is called with `--draft` in a lab engagement.",
    "",
    ...table(
      ["contract", "system", "effect", "approval", "scope kinds", "connections", "credentials", "checked"],
      contracts.map((contract) => [
        `[${referenceOf(contract)}](#${anchorOf(contract)})`,
        systemOf(contract),
        contract.effect,
        approvalText(contract.authority.approval),
        kindsOf(contract).join(", "),
        egressOf(contract),
        credentialsOf(contract),
        checkedBy(contract).split(":")[0] ?? "",
      ]),
    ),
  ];
}

function section(contract: Contract, checked: string, life: readonly [string, string][]): string[] {
  const { authority, errors, evidence, execution, scope } = contract;
  return [
    "",
    `## ${referenceOf(contract)}`,
    "",
    `**${contract.title}.** ${contract.purpose}`,
    "",
    ...table(
      ["", ""],
      [
        ["system", systemOf(contract)],
        ["versions", contract.system?.versions ?? "not stated"],
        ["reference", contract.docUrl ?? "none"],
        ["effect", `${contract.effect}, ${execution.idempotency}`],
        ["approval", `${approvalText(authority.approval)}; run by ${authority.roles.join(" or ")}`],
        ["scope kinds", kindsOf(contract).join(", ")],
        ["does", scope.actions.join("; ")],
        ["never does", scope.disallowed.join("; ")],
        ["is not for", contract.nonGoals?.join("; ") ?? "not stated"],
        ["connections", `${egressOf(contract)}, by the adapter \`${execution.adapter}\``],
        ["credentials", credentialsOf(contract)],
        ["checked", checked],
        ...life,
        ["evidence", evidence.artifacts.map(artifactText).join("; ")],
        ["errors", errors.map(({ class: name, side }) => `\`${name}\` (${side})`).join(", ")],
        ["attests", contract.attests],
        ["**does not attest**", contract.doesNotAttest],
      ],
    ),
    "",
    ...table(
      ["boundary", "WitnessOps controls", `${contract.system?.name ?? "the external system"} controls`],
      boundaryTable(contract).map(({ row, controlled, external }) => [
        row,
        controlled.join("; "),
        external.join("; "),
      ]),
    ),
  ];
}

function systemOf({ system }: Contract): string {
  if (system === undefined) return "not stated";
  return system.vendor === undefined ? system.name : `${system.name} (${system.vendor})`;
}

function approvalText(rule: ApprovalRule): string {
  if (rule === "none") return "none";
  if (rule === "self") return "the requester's own";
  if (rule === "designated") return "a designated approver";
  return groupsText(rule);
}

function kindsOf({ scope }: Contract): string[] {
  return [...new Set(scope.subjects.map(({ kind }) => kind))];
}

function egressOf({ execution }: Contract): string {
  if (execution.isolation === "required") return "kernel-held";
  if (execution.isolation === "preferred") return "kernel-held or unguarded";
  return adapters.find(({ id }) => id === execution.adapter)?.egress ?? "unknown";
}

/** References are shown, values never exist here. */
function credentialsOf({ execution: { secrets = [] } }: Contract): string {
  if (secrets.length === 0) return "none";
  return secrets.map(({ name, into }) => `${name} as ${into.kind} \`${into.name}\``).join("; ");
}

function artifactText(artifact: Contract["evidence"]["artifacts"][number]): string {
  const { name, required, sensitivity } = artifact;
  return `\`${name}\` (${required ? "required" : "optional"}, ${sensitivity})`;
}

function anchorOf(contract: Contract): string {
  return referenceOf(contract).replace(/[.@]/g, "");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
}

function cell(text: string): string {
  return text.trim().replaceAll("|", "\\|").replace(/\s+/g, " ");
}
