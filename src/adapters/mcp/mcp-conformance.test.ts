// The MCP conformance package in client mode: its servers judge how the adapter speaks. Every scenario that it has for clients
// stands in one of the lists below, so that a new one is noticed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..", "..");
const program = join(root, "node_modules", "@modelcontextprotocol", "conformance", "dist", "index.js");
const client = join(root, "test", "fixtures", "mcp-conformance-client.ts");
const folder = mkdtempSync(join(tmpdir(), "witnessops-mcp-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the adapter does. */
const PASSED = ["initialize", "tools_call"];

/** What it does not do, and why; the package says so, too. */
const REFUSED = {
  // A call runs unattended: no server gets to ask anybody, least of all by defaults that it names itself.
  "elicitation-sep1034-client-defaults": /Method not found/,
  // An answer that was cut off is in doubt, which the wrapper settles; the stream is not taken up again behind its back.
  "sse-retry": /ClientRespectsRetryField/,
};

/** Logins by OAuth: the adapter has none. A token is a secret that the contract refers to, made elsewhere. */
const isLogin = (scenario: string) => scenario.startsWith("auth/");

async function conformance(...words: string[]): Promise<{ status: number | null; text: string }> {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, text };
}

const scenario = (name: string) =>
  conformance("client", "--command", `${process.execPath} ${client}`, "--scenario", name, "--verbose");

describe("the MCP conformance package", () => {
  it("has no scenario for clients that nobody decided about", async () => {
    const { text } = await conformance("list", "--client");
    const names = [...text.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name ?? "");
    expect(names.filter((name) => !isLogin(name)).sort()).toEqual(
      [...PASSED, ...Object.keys(REFUSED)].sort(),
    );
    expect(names.filter(isLogin).length).toBeGreaterThan(0);
  }, 60_000);

  it.each(PASSED)(
    "passes the adapter: %s",
    async (name) => {
      const { status, text } = await scenario(name);
      expect(text).toMatch(/Passed: ([1-9]\d*)\/\1, 0 failed, 0 warnings/);
      expect(status).toBe(0);
    },
    60_000,
  );

  it.each(Object.entries(REFUSED))(
    "sees that the adapter does not: %s",
    async (name, told) => {
      const { status, text } = await scenario(name);
      expect(text).toMatch(told);
      expect(status).not.toBe(0);
    },
    60_000,
  );
});
