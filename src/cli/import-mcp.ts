import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { definitionDigest, toolDefinition } from "../adapters/mcp/tool-definition.ts";
import { draftMcpContract, type ListedTool, type McpServer } from "../contract/draft-mcp-contract.ts";
import { schemaHeader } from "../contract/schemas.ts";
import type { Result } from "./command.ts";
import { exit } from "./exit.ts";
import { readTools } from "./read-tools.ts";
import { writeNewFile } from "./write-file.ts";

/** What became of one tool. */
interface Imported {
  readonly tool: string;
  readonly file: string;
  readonly definition: string;
  /** `drifted`: the file that is there pins another definition, and was left as it is. */
  readonly state: "drafted" | "unchanged" | "drifted";
}

/** Drafts contracts of a server's tools. @throws CliError `INPUT_MALFORMED`. */
export function importMcp(file: string, server: McpServer, prefix: string, folder: string): Result {
  const imported = readTools(file).map((tool) => importTool(tool, server, prefix, folder));
  return {
    exit: imported.some(({ state }) => state === "drifted") ? exit.refused : exit.done,
    json: { imported },
    print(out) {
      out.table(
        ["tool", "state", "file"],
        imported.map(({ tool, state, file: path }) => [
          tool,
          { text: state, style: state === "drifted" ? "bad" : "plain" },
          path,
        ]),
      );
      if (imported.some(({ state }) => state === "drafted"))
        out.line("decide every part that says `decide:`, lint it, then move the file into the catalog");
      if (imported.some(({ state }) => state === "drifted"))
        out.line("what drifted was left as it is: a changed tool is reviewed, and gets a new version");
    },
  };
}

/** Drafts a tool's contract; the same tool again changes nothing, and a changed one is named and left to people. */
function importTool(tool: ListedTool, server: McpServer, prefix: string, folder: string): Imported {
  const definition = definitionDigest(toolDefinition(tool as never));
  const draft = draftMcpContract(tool, server, prefix, definition);
  const name = String(draft.id).slice(prefix.length + 1);
  const file = join(folder, `${name}.yaml`);
  const base = { tool: tool.name, file, definition };
  if (existsSync(file)) {
    const known = parseDocument(readFileSync(file, "utf8")).getIn(["execution", "with", "definition"]);
    return { ...base, state: known === `'${definition}'` ? "unchanged" : "drifted" };
  }
  writeNewFile(file, `${schemaHeader("contract", "../../schemas")}\n${stringify(draft, { lineWidth: 0 })}`);
  return { ...base, state: "drafted" };
}
