import { groupsText } from "./approval-groups.ts";
import { type Contract, referenceOf } from "./contract.ts";
import type { ApprovalRule } from "./vocabulary.ts";

/** One row of the boundary table: who answers for what. */
export interface BoundaryRow {
  readonly key: "invocation" | "transport" | "evidence" | "interpretation";
  readonly row: string;
  /** What WitnessOps controls, from the contract's own fields. */
  readonly controlled: readonly string[];
  /** What the external system controls. */
  readonly external: readonly string[];
}

/** The boundary of a contract in its four rows (design section 3). */
export function boundaryTable(contract: Contract): readonly BoundaryRow[] {
  const external = externalOf(contract);
  return [
    {
      key: "invocation",
      row: "contract and invocation rules",
      controlled: invocation(contract),
      external: external.invocation,
    },
    {
      key: "transport",
      row: "call transport and identity",
      controlled: transport(contract),
      external: external.transport,
    },
    {
      key: "evidence",
      row: "evidence capture and linkage",
      controlled: evidence(contract),
      external: external.evidence,
    },
    {
      key: "interpretation",
      row: "interpretation",
      controlled: interpretation(contract),
      external: external.interpretation,
    },
  ];
}

/**
 * The table as plain text: two columns side by side.
 *
 * @param width columns of the whole table; default 100, at least 60.
 */
export function renderBoundaryTable(table: readonly Omit<BoundaryRow, "key">[], width = 100): string {
  const column = Math.floor((Math.max(width, 60) - 3) / 2);
  const line = (left: string, right: string) => `${left.padEnd(column)} | ${right}`.trimEnd();
  const out = [
    line("WitnessOps controls", "external system controls"),
    `${"-".repeat(column)}-+-${"-".repeat(column)}`,
  ];
  for (const [index, { row, controlled, external }] of table.entries()) {
    if (index > 0) out.push("");
    out.push(`[${row}]`);
    const left = controlled.flatMap((text) => wrap(text, column));
    const right = external.flatMap((text) => wrap(text, column));
    for (let i = 0; i < Math.max(left.length, right.length); i++)
      out.push(line(left[i] ?? "", right[i] ?? ""));
  }
  return `${out.join("\n")}\n`;
}

function externalOf(contract: Contract): Record<BoundaryRow["key"], readonly string[]> {
  const { external } = contract.boundary;
  if (!Array.isArray(external)) return external as Record<BoundaryRow["key"], readonly string[]>;
  const failures = contract.errors
    .filter(({ side }) => side === "external")
    .map(({ meaning }) => `whether ${meaning}`);
  return {
    invocation: failures.length > 0 ? failures : ["whether and how it answers"],
    transport: external,
    evidence: ["which bytes it returns"],
    interpretation: [`not attested: ${contract.doesNotAttest}`],
  };
}

function invocation({ scope, authority, effect, execution, ...contract }: Contract): string[] {
  return [
    `${referenceOf(contract)}, pinned by digest; effect ${effect}, ${execution.idempotency}`,
    `does: ${scope.actions.join("; ")}`,
    `never: ${scope.disallowed.join("; ")}`,
    `run by ${authority.roles.join(" or ")}; approval: ${approvalText(authority.approval)}`,
  ];
}

function transport({ scope, execution }: Contract): string[] {
  const { retry, secrets = [] } = execution;
  const attempts =
    retry === undefined || retry.attempts === 1 ? "one attempt" : `up to ${retry.attempts} attempts`;
  const rows = [`adapter ${execution.adapter}, ${execution.timeout} deadline, ${attempts}`];
  if (execution.adapter === "exec") {
    rows.push(...isolationRows(execution.isolation));
  } else if (scope.endpoints.length > 0) {
    const places = scope.endpoints.map((e) =>
      "url" in e ? e.url : e.port === undefined ? e.host : `${e.host} port ${e.port}`,
    );
    rows.push(`connections only to ${places.join("; ")} (computed from inputs, checked before dialling)`);
  } else rows.push("no connection to a target of its own");
  rows.push(
    secrets.length === 0
      ? "no credentials"
      : `credentials by reference: ${secrets.map(({ name, into }) => `${name} as ${into.kind} ${into.name}`).join("; ")}`,
  );
  return rows;
}

function isolationRows(isolation: Contract["execution"]["isolation"]): string[] {
  const unguarded = "the tool makes its own connections, targets are not pinned";
  const held =
    "the kernel holds the tool to TCP connections to the endpoints, and to its own files (namespaces, relayed by the egress guard)";
  if (isolation === "required") return [`isolation required: ${held}; a host that cannot denies the call`];
  if (isolation !== "preferred") return [`isolation none, egress unguarded: ${unguarded}`];
  return [`isolation preferred: ${held}; on a host that cannot, egress unguarded: ${unguarded}`];
}

function evidence({ evidence: { artifacts, maxBytes } }: Contract): string[] {
  return [
    ...artifacts.map(
      ({ name, required, sensitivity }) => `${name}: ${required ? "required" : "optional"}, ${sensitivity}`,
    ),
    `at most ${maxBytes}; hashed as captured, bound by a signed and chained receipt`,
  ];
}

function interpretation({ execution, errors, attests }: Contract): string[] {
  return [
    `attests: ${attests}`,
    `outputs by declared rules: ${Object.keys(execution.outputs).join(", ") || "none"}`,
    `errors by declared classes: ${errors.map((error) => error.class).join(", ")}`,
  ];
}

function approvalText(rule: ApprovalRule): string {
  if (typeof rule === "string") return rule;
  const expiry = rule.expiresIn === undefined ? "" : `, for ${rule.expiresIn}`;
  return `${groupsText(rule)}${expiry}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "- ";
  for (const word of text.trim().split(/\s+/)) {
    if (line.trim() !== "" && line !== "- " && line.length + word.length + 1 > width) {
      lines.push(line);
      line = "  ";
    }
    let rest = word;
    while (line.length + rest.length > width) {
      const room = width - line.length;
      lines.push(line + rest.slice(0, room));
      rest = rest.slice(room);
      line = "  ";
    }
    line += line.endsWith(" ") ? rest : ` ${rest}`;
  }
  return [...lines, line];
}
