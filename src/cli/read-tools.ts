import type { ListedTool } from "../contract/draft-mcp-contract.ts";
import { isJsonObject } from "../format/json.ts";
import { CliError } from "./cli-error.ts";
import { readJsonObject } from "./read-input.ts";

/** Reads an MCP server's answer to `tools/list` from a file. @throws CliError `INPUT_MALFORMED`. */
export function readTools(file: string): ListedTool[] {
  const { tools } = readJsonObject(file);
  const valid =
    Array.isArray(tools) && tools.every((tool) => isJsonObject(tool) && typeof tool.name === "string");
  if (!valid)
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${file}\` is no answer to \`tools/list\``,
      hint: "it is a JSON object with `tools`, a list of objects with a `name`",
    });
  return tools as unknown as ListedTool[];
}
