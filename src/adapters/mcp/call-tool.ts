import type { CallToolResult, JsonSchemaValidator, Transport } from "@modelcontextprotocol/client";
import type { AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { abortedFault, faultOf } from "../../adapter/fault.ts";
import { writeArtifact, writeJsonArtifact } from "../../adapter/write-artifact.ts";
import { sha256Hex } from "../../format/crypto.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { definitionDigest, toolDefinition } from "./tool-definition.ts";

/** Most pages of tools that a server is asked for. */
const MAX_PAGES = 50;
/** Longest text of a content block that stands in the result; all of it is in the artifact `content`. */
const MAX_TEXT = 64 * 1024;

interface Asked {
  readonly tool: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly definition: string;
}

/**
 * Calls one tool: connects by either generation of the protocol, looks the tool's definition up, compares it with the
 * pinned one, and only then calls. Nothing that the server says about itself is believed further than that.
 *
 * @param failureOf what kept a request from being answered, when the transport knows better than the client's library.
 */
export async function callTool(
  call: Call,
  asked: Asked,
  transport: Transport,
  failureOf: () => unknown = () => undefined,
): Promise<AdapterOutcome> {
  // Only now: importing the client costs more than a short command's whole time.
  const { Client, ProtocolError, SdkError } = await import("@modelcontextprotocol/client");
  const client = new Client(
    { name: "witnessops", version: "1.0.0" },
    // The contract's own schema decides about outputs; the server's is compared, not compiled.
    { versionNegotiation: { mode: "auto" }, jsonSchemaValidator: { getValidator: () => acceptAll } },
  );
  // Until the tool is called nothing of the action has left.
  let phase = "prepare";
  const options = { signal: call.signal, timeout: 24 * 3_600_000 };
  // A server that never answers is left at the deadline, whatever the client waits for.
  const leave = (): void => void transport.close().catch(() => undefined);
  call.signal.addEventListener("abort", leave, { once: true });
  try {
    await client.connect(transport, options);
    const definition = await lookUp(client, asked.tool, options);
    if (definition === undefined)
      return fault("TOOL_MISSING", "prepare", `the server has no tool \`${asked.tool}\``);
    await writeJsonArtifact(call.capture, "definition", definition, "mcp tools/list");
    const digest = definitionDigest(definition);
    if (digest !== asked.definition) {
      const message = `the definition of \`${asked.tool}\` is \`${digest}\`, not the pinned one: it was not called`;
      return fault("DEFINITION_CHANGED", "prepare", message, { digest });
    }
    phase = "response";
    const result = (await client.callTool(
      { name: asked.tool, arguments: given(asked.arguments) },
      options,
    )) as CallToolResult;
    return await take(call, client, digest, result);
  } catch (error) {
    if (call.signal.aborted) return { ok: false, fault: abortedFault(call.signal, phase) };
    if (error instanceof ProtocolError)
      return fault("PROTOCOL_ERROR", phase, error.message, { rpcCode: error.code });
    const failure = failureOf();
    if (failure !== undefined) return { ok: false, fault: faultOf(failure, phase, call.signal) };
    if (error instanceof SdkError) return fault(String(error.code), phase, error.message);
    throw error;
  } finally {
    call.signal.removeEventListener("abort", leave);
    await client.close().catch(() => undefined);
  }
}

/** The arguments that are given: an optional input that was left out is `null` in a contract, and a tool takes it as absent. */
function given(all: Asked["arguments"] = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

const acceptAll: JsonSchemaValidator<never> = (input) => ({
  valid: true,
  data: input as never,
  errorMessage: undefined,
});

type McpClient = InstanceType<typeof import("@modelcontextprotocol/client").Client>;

async function lookUp(
  client: McpClient,
  name: string,
  options: { signal: AbortSignal },
): Promise<JsonObject | undefined> {
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await client.listTools(cursor === undefined ? undefined : { cursor }, options);
    const tool = listed.tools.find((one) => one.name === name);
    if (tool !== undefined) return toolDefinition(tool);
    cursor = listed.nextCursor;
    if (cursor === undefined) return undefined;
  }
  return undefined;
}

/** What the tool answered: all blocks as one artifact, each binary one as its own, and a result that names them. */
async function take(
  call: Call,
  client: McpClient,
  definition: string,
  { content, structuredContent, isError }: CallToolResult,
): Promise<AdapterOutcome> {
  await writeJsonArtifact(call.capture, "content", content, "mcp tools/call");
  const blocks: Json[] = [];
  for (const [index, block] of content.entries()) blocks.push(await describeBlock(call, index, block));
  const server = client.getServerVersion();
  const result: JsonObject = {
    server: server === undefined ? null : { name: server.name, version: server.version },
    protocol: client.getNegotiatedProtocolVersion() ?? null,
    definition,
    content: blocks,
    structured: (structuredContent as JsonObject | undefined) ?? null,
  };
  if (isError !== true) return { ok: true, result };
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  return fault("TOOL_ERROR", "response", text.slice(0, 2000) || "the tool says that it failed");
}

async function describeBlock(
  call: Call,
  index: number,
  block: CallToolResult["content"][number],
): Promise<Json> {
  if (block.type === "text") {
    const isWhole = block.text.length <= MAX_TEXT;
    return { type: "text", text: block.text.slice(0, MAX_TEXT), ...(isWhole ? {} : { truncated: true }) };
  }
  if (block.type === "image" || block.type === "audio") {
    const bytes = new Uint8Array(Buffer.from(block.data, "base64"));
    const { mimeType } = block;
    await writeArtifact(call.capture, `block-${index}`, bytes, {
      source: "mcp tools/call",
      mediaType: mimeType,
    });
    return { type: block.type, mimeType, size: bytes.length, sha256: `sha256:${sha256Hex(bytes)}` };
  }
  if (block.type === "resource_link") return { type: "resource_link", uri: block.uri };
  return { type: "resource", uri: block.resource.uri };
}

function fault(code: string, phase: string, message: string, facts?: Fault["facts"]): AdapterOutcome {
  return { ok: false, fault: { code, phase, message, ...(facts === undefined ? {} : { facts }) } };
}
