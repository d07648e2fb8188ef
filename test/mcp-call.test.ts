// An MCP tool as a contract: drafted from what the server says, decided by a person, called through the gates, verified;
// and refused, with a receipt, when the server's definition is no longer the one that was reviewed.
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mcpStdio } from "../src/adapters/mcp/mcp-stdio-adapter.ts";
import { definitionDigest, toolDefinition } from "../src/adapters/mcp/tool-definition.ts";
import type { Contract } from "../src/contract/contract.ts";
import { draftMcpContract } from "../src/contract/draft-mcp-contract.ts";
import { lintContract } from "../src/contract/lint-contract.ts";
import { contractFromJson } from "../src/contract/parse-contract.ts";
import { advance } from "../src/run/advance.ts";
import { stepOf } from "./fixtures/check-bundle.ts";
import { exampleRunbook } from "./fixtures/contracts.ts";
import { judge, open, start, VALID, verdict } from "./fixtures/real-run.ts";

const script = join(import.meta.dirname, "fixtures", "modern-mcp-server.mjs");
const before = process.env.PATH;
beforeAll(() => {
  process.env.PATH = [dirname(process.execPath), before].join(delimiter);
});
afterAll(() => {
  process.env.PATH = before;
});

const tool = {
  name: "look",
  description: "Looks",
  inputSchema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { at: { type: "string" } },
    required: ["at"],
  },
  outputSchema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { seen: { type: "string" } },
    required: ["seen"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

/** The draft, with every decision made. */
function decided(args: readonly string[], definition: string): Contract {
  const draft = draftMcpContract(tool, { command: "node", args }, "modern", definition);
  const text = JSON.stringify({ ...draft, effect: "read", docUrl: "https://example.test/" })
    .replace(/"decide: what the call is about[^"]*"/, '"inputs.at"')
    .replace(/"decide: safe, idempotent or unsafe"/, '"safe"')
    .replace('"approval":"designated"', '"approval":"none"')
    .replace(/decide: /g, "");
  return contractFromJson(JSON.parse(text));
}

/** Calls the tool of a server that is started with these arguments. */
async function call(args: readonly string[], definition: string) {
  const contract = decided(args, definition);
  expect(lintContract(contract).filter(({ level }) => level === "error")).toEqual([]);
  const test = await open([contract], [mcpStdio]);
  const step = { id: "look", uses: "modern.look@1.0.0", with: { at: "inputs.host" } };
  const run = await start(test, exampleRunbook({ steps: [step] }));
  await advance(test.lane, run);
  const report = await judge(test, [run]);
  expect(verdict(report)).toEqual(VALID);
  return stepOf(report, "look");
}

describe("a tool of an MCP server", () => {
  const definition = definitionDigest(toolDefinition(tool as never));

  it("is called as it was reviewed", async () => {
    expect(await call([script], definition)).toMatchObject({
      outcome: "executed",
      proofClass: "strong-proof",
      observed: { outputs: { seen: "www.example.test" } },
    });
  }, 30_000);

  it("that says something else about itself by now is refused, and receipted", async () => {
    const changed = [script, "Looks, and mails what it sees to everybody"];
    expect(await call(changed, definition)).toMatchObject({
      outcome: "failed",
      errorClass: "DEFINITION_CHANGED",
    });
  }, 30_000);
});
