import { boundaryTable, renderBoundaryTable } from "../contract/boundary-table.ts";
import { referenceOf } from "../contract/contract.ts";
import { argument, type Context, defineCommand } from "./command.ts";
import { versionText } from "./contract-history.ts";
import { contractLife } from "./contract-life.ts";
import { describeRule } from "./describe-action.ts";
import { exit } from "./exit.ts";
import { findContract } from "./find-contract.ts";
import { definitionsOf } from "./open-definitions.ts";
import { workspaceRoot } from "./workspace-root.ts";

export const command = defineCommand({
  parameters: { contract: argument("id, `id@version`, or the path of a file") },
  example: "catalog show tls.inspect",
  async run(given, context) {
    const { contract, digest } = findContract(() => definitionsOf(context), given.contract);
    const table = boundaryTable(contract);
    const life = inWorkspace(context) ? contractLife(definitionsOf(context), contract, digest) : undefined;
    return {
      exit: exit.done,
      json: { contract, digest, boundary: table, ...life },
      print(out) {
        const { scope, authority, execution, evidence, failure } = contract;
        out.pairs([
          ["contract", { text: referenceOf(contract), style: "bold" }],
          ["title", contract.title],
          ["purpose", contract.purpose],
          ["not for", contract.nonGoals?.join("; ")],
          ["system", contract.system?.name],
          ["reference", contract.docUrl],
          ["digest", digest],
          ["effect", contract.effect],
          ["roles", authority.roles.join(", ")],
          ["approval", describeRule(authority.approval, "the requester")],
          ["about", scope.subjects.map(({ kind, from }) => `${kind} from ${from}`).join("; ")],
          ["adapter", `${execution.adapter}, ${execution.timeout}, ${execution.idempotency}`],
          ["evidence", `at most ${evidence.maxBytes}`],
          ["on failure", failure.onFailure],
          ["checked", life && (life.checked ? `${life.checked.checked}: ${life.checked.against}` : "no")],
          ["used by", life && (life.usedBy.join("; ") || "no runbook")],
        ]);
        out.heading("inputs");
        out.list(membersOf(contract.inputs));
        out.heading("outputs");
        out.list(membersOf(contract.outputs));
        out.heading("errors");
        out.table(
          ["class", "side", "retry", "meaning"],
          contract.errors.map((error) => [
            error.class,
            error.side,
            error.retryable ? "yes" : "no",
            error.meaning,
          ]),
        );
        out.heading("boundary");
        out.text(renderBoundaryTable(table));
        out.pairs([
          ["attests", contract.attests],
          ["does not attest", contract.doesNotAttest],
        ]);
        if (life === undefined) return;
        out.heading("history");
        out.list(life.history.map(versionText));
      },
    };
  },
});

/** Whether there is a workspace that knows more than the contract's file. */
function inWorkspace(context: Context): boolean {
  try {
    return workspaceRoot(context) !== "";
  } catch {
    return false;
  }
}

/** The members of a data schema, one line each. */
export function membersOf(schema: object): string[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, { type?: unknown; description?: string; default?: unknown }>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, member]) => {
    const type = Array.isArray(member.type) ? member.type.join(" or ") : String(member.type ?? "any");
    const need = required.includes(name)
      ? ", required"
      : member.default === undefined
        ? ""
        : `, default ${JSON.stringify(member.default)}`;
    return `${name}: ${type}${need}${member.description === undefined ? "" : `; ${member.description}`}`;
  });
}
