import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { definitionDigest, toolDefinition } from "../adapters/mcp/tool-definition.ts";
import { draftMcpContract, type ListedTool, type McpServer } from "../contract/draft-mcp-contract.ts";
import { schemaHeader } from "../contract/schemas.ts";
import { choice } from "./choice.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption, requiredOption } from "./command.ts";
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

export const command = defineCommand({
  parameters: {
    from: argument("mcp: a server's tools"),
    file: argument("JSON of the server's answer to `tools/list`"),
    prefix: requiredOption("--prefix <id>", "first part of the contracts' ids"),
    url: option("--url <url>", "where the server is, over streamable HTTP"),
    command: option("--command <program>", "or the program that it is, on the search path"),
    arg: repeatedOption("--arg <text>", "an argument of the program"),
    out: option("--out <folder>", "where the drafts go (default: drafts/<prefix>)"),
  },
  example: "catalog import mcp tools.json --prefix scanner --url https://scanner.example/mcp",
  run(given, _context) {
    choice("<from>", given.from, ["mcp"] as const);
    if ((given.url === undefined) === (given.command === undefined))
      throw usage("a server is reached in one way", "give either `--url` or `--command`");
    const server: McpServer =
      given.url === undefined ? { command: given.command ?? "", args: given.arg } : { url: given.url };
    const folder = given.out ?? join("drafts", given.prefix);
    const imported = readTools(given.file).map((tool) => importTool(tool, server, given.prefix, folder));
    return Promise.resolve({
      exit: imported.some(({ state }) => state === "drifted") ? exit.refused : exit.done,
      json: { imported },
      print(out) {
        out.table(
          ["tool", "state", "file"],
          imported.map(({ tool, state, file }) => [
            tool,
            { text: state, style: state === "drifted" ? "bad" : "plain" },
            file,
          ]),
        );
        if (imported.some(({ state }) => state === "drafted"))
          out.line("decide every part that says `decide:`, lint it, then move the file into the catalog");
        if (imported.some(({ state }) => state === "drifted"))
          out.line("what drifted was left as it is: a changed tool is reviewed, and gets a new version");
      },
    });
  },
});

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
