import type { Tool } from "@modelcontextprotocol/client";
import { type Digest, digestOfJson } from "../../format/digest.ts";
import type { JsonObject } from "../../format/json.ts";

/**
 * What of a tool is pinned: all that a model or a person would decide by. Its icons and metadata are not.
 */
export function toolDefinition({
  name,
  title,
  description,
  inputSchema,
  outputSchema,
  annotations,
}: Tool): JsonObject {
  const pinned = { name, title, description, inputSchema, outputSchema, annotations };
  const entries = Object.entries(pinned).filter(([, value]) => value !== undefined);
  return JSON.parse(JSON.stringify(Object.fromEntries(entries))) as JsonObject;
}

/** Digest by which a contract names the definition. */
export function definitionDigest(definition: JsonObject): Digest {
  return digestOfJson(definition);
}
