import { isJsonObject, type JsonObject } from "../format/json.ts";
import { type Change, changeList } from "./change.ts";
import type { Contract } from "./contract.ts";
import { diffInputs, diffOutputs } from "./diff-schema.ts";
import { closedSchema, type ListedTool } from "./draft-mcp-contract.ts";

/** What became of the tool that a contract pins. */
export interface ToolDrift {
  /**
   * `gone`: there is no such tool; `breaking`: the contract's calls would not fit any more; `widened`: it takes more,
   * or says that it does more, than the contract does; `reworded`: its words changed, and words are what models go by.
   */
  readonly kind: "gone" | "breaking" | "widened" | "reworded";
  readonly changes: readonly Change[];
}

const LITERAL = /^'([^'\\]*)'$/;

/** The tool and the definition that an MCP contract pins; undefined for other contracts, and where they are computed. */
export function pinnedTool({ execution }: Contract): { tool: string; definition: string } | undefined {
  if (execution.adapter !== "mcp" && execution.adapter !== "mcp-stdio") return undefined;
  const [tool, definition] = [execution.with.tool, execution.with.definition].map((text) =>
    typeof text === "string" ? LITERAL.exec(text)?.[1] : undefined,
  );
  return tool === undefined || definition === undefined ? undefined : { tool, definition };
}

/** Compares a tool, as its server describes it now, with the contract that was reviewed. */
export function driftOfTool(contract: Contract, tool: ListedTool | undefined): ToolDrift {
  if (tool === undefined) return { kind: "gone", changes: [] };
  const to = changeList();
  diffInputs(contract.inputs, closedSchema(tool.inputSchema), to);
  if (tool.outputSchema !== undefined && !readsText(contract))
    diffOutputs(contract.outputs, closedSchema(tool.outputSchema), to);
  const hints: JsonObject = isJsonObject(tool.annotations) ? tool.annotations : {};
  if (contract.effect === "read" && (hints.readOnlyHint === false || hints.destructiveHint === true))
    to.note("effect", "the server says by now that it does more than read");
  const kind = to.all.some(({ breaking }) => breaking)
    ? "breaking"
    : to.all.length > 0
      ? "widened"
      : "reworded";
  return { kind, changes: to.all };
}

/** Whether the contract's outputs are its own, made from the tool's texts. */
function readsText({ execution }: Contract): boolean {
  return Object.values(execution.outputs).some(
    (tree) => typeof tree === "string" && tree.includes("result.content"),
  );
}
