import { join } from "node:path";
import type { McpServer } from "../contract/draft-mcp-contract.ts";
import { choice } from "./choice.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, repeatedOption } from "./command.ts";
import { workspaceRoot } from "./workspace-root.ts";

export const command = defineCommand({
  parameters: {
    from: argument("mcp: a server's tools; openapi: operations of an API's description"),
    file: argument(
      "mcp: JSON of the answer to `tools/list`; openapi: the description, JSON or YAML, or its URL",
    ),
    prefix: option("--prefix <id>", "mcp: first part of the contracts' ids"),
    url: option("--url <url>", "mcp: where the server is, over streamable HTTP"),
    command: option("--command <program>", "mcp: or the program that it is, on the search path"),
    arg: repeatedOption("--arg <text>", "mcp: an argument of the program"),
    system: option("--system <id>", "openapi: first part of the contracts' ids"),
    operation: repeatedOption(
      "--operation <name>",
      "openapi: only this one, by `operationId` or as `METHOD /path` (default: all)",
    ),
    server: option("--server <url>", "openapi: base URL (default: the description's first server)"),
    allowFetch: flag("--allow-fetch", "openapi: fetch the description, and what its references lead to"),
    out: option("--out <folder>", "where the drafts go (default: drafts/<first part of the ids>)"),
  },
  example: "catalog import openapi petstore.yaml --system petstore --operation getPet",
  async run(given, context) {
    if (choice("<from>", given.from, ["mcp", "openapi"] as const) === "openapi") {
      const { url, command: program, arg, prefix, server, system } = given;
      if (url !== undefined || program !== undefined || arg.length > 0 || prefix !== undefined)
        throw usage(
          "`--url`, `--command`, `--arg` and `--prefix` are of `mcp`",
          "`openapi` takes `--system` and `--server`",
        );
      if (system === undefined)
        throw usage("`--system` is missing", "it is the first part of the contracts' ids");
      if (server !== undefined && !/^https?:\/\/[^/?#]+[^?#]*$/.test(server))
        throw usage(`\`${server}\` is no base URL`, "an http or https URL without query");
      // Only now: what reads descriptions is of no use to other commands.
      const { importOpenapi } = await import("./import-openapi.ts");
      return importOpenapi({
        from: given.file,
        root: workspaceRoot(context),
        system,
        operations: given.operation,
        server: server?.replace(/\/+$/, ""),
        folder: given.out ?? join("drafts", system),
        allowFetch: given.allowFetch,
      });
    }
    const { prefix } = given;
    if (
      given.system !== undefined ||
      given.server !== undefined ||
      given.operation.length > 0 ||
      given.allowFetch
    )
      throw usage("`--system`, `--operation`, `--server` and `--allow-fetch` are of `openapi`");
    if (prefix === undefined)
      throw usage("`--prefix` is missing", "it is the first part of the contracts' ids");
    if ((given.url === undefined) === (given.command === undefined))
      throw usage("a server is reached in one way", "give either `--url` or `--command`");
    const server: McpServer =
      given.url === undefined ? { command: given.command ?? "", args: given.arg } : { url: given.url };
    const { importMcp } = await import("./import-mcp.ts");
    return importMcp(given.file, server, prefix, given.out ?? join("drafts", prefix));
  },
});
