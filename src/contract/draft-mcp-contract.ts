import type { JsonObject } from "../format/json.ts";
import { isJsonObject } from "../format/json.ts";
import { inspectDataSchema } from "./data-schema.ts";
import { DECIDE } from "./undecided.ts";

/** A tool as an MCP server lists it. */
export interface ListedTool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema?: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations?: JsonObject;
}

/** Where the server is: a URL, or a program of the host with its arguments. */
export type McpServer =
  | { readonly url: string }
  | { readonly command: string; readonly args: readonly string[] };

/**
 * Drafts the contract of an MCP tool: complete, with `decide:` at every part that a person must decide. What the server
 * hints about itself may only tighten: an unknown effect counts as destructive until somebody says otherwise.
 *
 * @param prefix first part of the contract's id.
 * @param definition digest of the tool's definition.
 */
export function draftMcpContract(
  tool: ListedTool,
  server: McpServer,
  prefix: string,
  definition: string,
): JsonObject {
  const isHttp = "url" in server;
  const inputs = schemaOf(tool.inputSchema, "the inputs' schema");
  const outputs =
    tool.outputSchema === undefined ? undefined : schemaOf(tool.outputSchema, "the outputs' schema");
  const names = Object.keys(isJsonObject(inputs.properties) ? inputs.properties : {});
  const given = Object.fromEntries(
    names.map((name) => [name, `has(inputs.${name}) ? inputs.${name} : null`]),
  );
  const mapped = Object.keys(isJsonObject(outputs?.properties) ? (outputs.properties as JsonObject) : {});
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: `${prefix}.${slug(tool.name)}`,
    version: "1.0.0",
    title: tool.title ?? tool.name,
    purpose: tool.description?.trim().slice(0, 4000) || `${DECIDE} what the tool is for`,
    system: { name: `the MCP server that offers \`${tool.name}\`` },
    effect: `${DECIDE} read, write, intrusive or destructive; ${hintsOf(tool.annotations)}`,
    inputs,
    outputs: outputs ?? {
      type: "object",
      additionalProperties: false,
      required: ["text"],
      properties: { text: { type: "string" } },
    },
    errors: [
      {
        class: "TOOL_FAILED",
        side: "external",
        retryable: false,
        when: "error.code == 'TOOL_ERROR'",
        meaning: "the tool says that it failed",
      },
      {
        class: "REQUEST_REFUSED",
        side: "external",
        retryable: false,
        when: "error.code == 'PROTOCOL_ERROR'",
        meaning: "the server refused the request",
      },
      {
        class: "DEFINITION_CHANGED",
        side: "external",
        retryable: false,
        when: "error.code in ['DEFINITION_CHANGED', 'TOOL_MISSING']",
        meaning: "the tool is not the one that was pinned; it was not called",
      },
    ],
    scope: {
      subjects: [{ kind: "host", from: `${DECIDE} what the call is about, such as inputs.host` }],
      endpoints: isHttp ? [{ url: quoted(server.url) }] : [],
      actions: [`one call of the tool ${tool.name}`],
      disallowed: [`${DECIDE} what the tool must never be used for`],
    },
    authority: { roles: ["operator"], approval: "designated" },
    execution: {
      adapter: isHttp ? "mcp" : "mcp-stdio",
      with: {
        ...(isHttp
          ? { url: quoted(server.url) }
          : { command: quoted(server.command), args: server.args.map(quoted) }),
        tool: quoted(tool.name),
        arguments: given,
        definition: quoted(definition),
      },
      outputs:
        outputs === undefined
          ? { text: "result.content.filter(block, block.type == 'text').map(block, block.text).join('\\n')" }
          : Object.fromEntries(mapped.map((name) => [name, `result.structured.${name}`])),
      timeout: "60s",
      idempotency: `${DECIDE} safe, idempotent or unsafe`,
      ...(isHttp ? {} : { isolation: "none" }),
    },
    evidence: {
      artifacts: [
        { name: "definition", mediaType: "application/json", required: true, sensitivity: "internal" },
        { name: "content", mediaType: "application/json", required: true, sensitivity: "internal" },
      ],
      maxBytes: "16MB",
    },
    failure: { onFailure: "stop" },
    boundary: {
      external: {
        invocation: ["what the tool does with its arguments"],
        transport: [
          isHttp ? "which server answers at this URL" : "which connections the server's program makes",
        ],
        evidence: ["what the tool says that it did"],
        interpretation: [`${DECIDE} what a reader must not conclude`],
      },
    },
    attests: "that the server answered this call of this tool so",
    doesNotAttest: `${DECIDE} what the answer does not prove`,
  };
}

/** A tool's schema as a contract has it: without its dialect, and closed unless it says otherwise. */
export function closedSchema(schema: JsonObject | undefined): JsonObject {
  const { $schema: _, ...rest }: JsonObject = schema ?? { type: "object", properties: {} };
  return { additionalProperties: false, ...rest };
}

/** A schema of the server's, where it is one that contracts may use. */
function schemaOf(schema: JsonObject | undefined, what: string): JsonObject {
  const closed = closedSchema(schema);
  return inspectDataSchema(closed, []).length === 0
    ? closed
    : { type: "object", description: `${DECIDE} ${what}, which goes beyond what contracts may use` };
}

function hintsOf(annotations: JsonObject | undefined): string {
  const hints = Object.entries(annotations ?? {}).filter(([name]) => name.endsWith("Hint"));
  if (hints.length === 0) return "the server hints nothing, so it counts as destructive";
  return `the server hints ${hints.map(([name, value]) => `${name} ${String(value)}`).join(", ")}`;
}

function slug(name: string): string {
  const plain = name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return plain === "" ? "tool" : plain.replace(/^[0-9]/, "t$&");
}

/** A CEL string literal. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
