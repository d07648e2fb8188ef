// How real systems fail, and which class of its contract each failure gets.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareCall } from "../src/adapter/prepare-call.ts";
import { adapters } from "../src/adapters/all.ts";
import { classifyError, mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { judgeReadBack } from "../src/contract/read-back.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import type { JsonObject } from "../src/format/json.ts";
import { runAdapter } from "./adapter-call.ts";
import { fileTools } from "./live/file-tools.ts";
import type { LiveSystem, RunningSystem } from "./live/live-system.ts";
import { mariadb } from "./live/mariadb.ts";
import { mcpFilesystem, mcpMemory } from "./live/mcp-servers.ts";
import { postgresql } from "./live/postgresql.ts";
import { wireshark } from "./live/wireshark.ts";

const contractOf = (id: string) =>
  parseContract(
    readFileSync(join(import.meta.dirname, "..", "catalog", `${id.replace(".", "/")}.yaml`), "utf8"),
  );

/** A call of a contract with the inputs of its live call, some of them changed. @returns its outputs, or its error class. */
async function call(running: RunningSystem, root: string, id: string, changes: object, secret?: string) {
  const contract = contractOf(id);
  const checked = checkContractInputs(contract, { ...running.calls[id]?.inputs, ...changes } as JsonObject);
  if (!checked.ok) throw new Error(checked.faults.join("\n"));
  const { inputs } = checked;
  const adapter = adapters.find((one) => one.id === contract.execution.adapter);
  if (adapter === undefined) throw new Error("no adapter");
  const secrets = new Map(
    (contract.execution.secrets ?? []).map(({ name, ref }) => [name, secret ?? running.secrets?.[ref] ?? ""]),
  );
  const request = { adapter, contract, inputs, idempotencyKey: "0".repeat(32), secrets };
  const prepared = prepareCall(request as unknown as Parameters<typeof prepareCall>[0]);
  if (!prepared.ok) throw new Error(prepared.fault.message);
  const { host, port } = inputs;
  const endpoints =
    typeof host === "string" && typeof port === "number" ? [{ host, port, protocol: "tcp" as const }] : [];
  const artifacts = contract.evidence.artifacts.map(({ name }) => name);
  const { network = {} } = running;
  const options = { with: prepared.with, secrets: prepared.secrets, endpoints, artifacts, root, ...network };
  const { outcome } = await runAdapter(adapter, { ...options, timeoutMs: 15_000 });
  if (!outcome.ok) {
    const { code, phase, message, facts } = outcome.fault;
    if (secret !== undefined && secret !== "") expect(message).not.toContain(secret);
    return classifyError(contract, inputs, { ...facts, code, phase, message }).errorClass;
  }
  const mapped = mapOutputs(contract, inputs, outcome.result);
  return mapped.ok ? mapped.outputs : "OUTPUT_CONTRACT_VIOLATION";
}

/** Starts a system for the tests of a block. */
function useSystem(system: LiveSystem) {
  const missing = system.missing();
  if (missing !== undefined) console.info(missing);
  const root = mkdtempSync(join(tmpdir(), "witnessops-errors-"));
  let running: RunningSystem;
  beforeAll(async () => {
    if (missing === undefined) running = await system.start(root);
  }, 120_000);
  afterAll(async () => {
    await running?.close();
    rmSync(root, { recursive: true, force: true });
  });
  return {
    root,
    it: it.skipIf(missing !== undefined),
    inputs: (id: string) => running.calls[id]?.inputs ?? {},
    call: (id: string, changes: object = {}, secret?: string) => call(running, root, id, changes, secret),
  };
}

describe("MariaDB", () => {
  const system = useSystem(mariadb);
  system.it("lets nobody in with a wrong password, or to a database that is not there", async () => {
    expect(await system.call("mariadb.accounts", {}, "wrong-Pa55word")).toBe("AUTH_REJECTED");
    expect(await system.call("mariadb.accounts", { database: "none" })).toBe("DATABASE_MISSING");
  });

  system.it("shows its accounts to nobody who may not read them", async () => {
    expect(await system.call("mariadb.accounts", { user: "open" }, "")).toBe("PERMISSION_DENIED");
  });

  system.it("lists all accounts without a name, and none that is no account's", async () => {
    const all = await system.call("mariadb.accounts");
    expect(all).toMatchObject({ count: 1 });
    expect(await system.call("mariadb.accounts", { account: null })).toMatchObject({ more: false });
    expect(await system.call("mariadb.accounts", { account: "x' OR '1'='1" })).toMatchObject({
      accounts: [],
    });
  });
});

describe("PostgreSQL", () => {
  const system = useSystem(postgresql);
  system.it("lets nobody in with a wrong password, or to a database that is not there", async () => {
    expect(await system.call("postgresql.roles", {}, "wrong-Pa55word")).toBe("AUTH_REJECTED");
    expect(await system.call("postgresql.roles", { database: "none" })).toBe("DATABASE_MISSING");
  });
  system.it("shows and ends no more than the role may", async () => {
    const open = { user: "open" };
    expect(await system.call("postgresql.hba-rules", open)).toBe("PERMISSION_DENIED");
    expect(await system.call("postgresql.settings", open)).toMatchObject({ ssl: true });
    // What the server runs for itself has the role of its owner.
    const hidden = { role: "watch", address: null, state: null, startedAt: null, encrypted: null };
    const owner = await system.call("postgresql.sessions", { ...open, role: "watch" });
    expect(owner).toMatchObject({ sessions: [hidden] });
  });
  system.it("ends the session that was meant, and the read-back says so", async () => {
    const id = "postgresql.terminate-session";
    const confirm = contractOf(id).execution.confirm;
    if (confirm === undefined || confirm === null) throw new Error("it has no read-back");
    const inputs = system.inputs(id) as JsonObject;
    const readBack = async (user: object = {}) => {
      const outputs = await system.call("postgresql.sessions", { role: null, pid: inputs.pid, ...user });
      if (typeof outputs === "string") throw new Error(outputs);
      return judgeReadBack(confirm, inputs, outputs);
    };
    const other = { startedAt: "2026-11-16T08:00:00.000000Z" };
    expect(await system.call(id, other)).toEqual({ found: false, ended: false });
    expect(await system.call(id, { role: "watch" })).toEqual({ found: false, ended: false });
    expect(await readBack()).toBe("failed");
    expect(await system.call(id)).toEqual({ found: true, ended: true });
    expect(await readBack()).toBe("executed");
  });
  system.it("is not spoken to when it is not there", async () => {
    expect(await system.call("postgresql.roles", { port: 1 })).toBe("UNAVAILABLE");
  });
});

describe("MCP servers", () => {
  const files = useSystem(mcpFilesystem);
  const memory = useSystem(mcpMemory);
  files.it("that cannot read say why", async () => {
    const id = "filesystem.read-text-file";
    expect(await files.call(id, { path: "none.log" })).toBe("NOT_FOUND");
    expect(await files.call(id, { path: "old" })).toBe("TOOL_FAILED");
    expect(await files.call(id, { folder: join(files.root, "none") })).toBe("SERVER_ENDED");
    expect(await files.call(id, { path: "../graph" })).toBe("OUTSIDE_FOLDER");
    expect(await files.call("filesystem.search-files", { pattern: "*.none" })).toMatchObject({ count: 0 });
  });
  memory.it("that find no graph in a file say so", async () => {
    writeFileSync(join(memory.root, "not-a-graph"), "{");
    const file = join(memory.root, "not-a-graph");
    expect(await memory.call("memory.read-graph", { file })).toBe("GRAPH_UNREADABLE");
  });
}, 60_000);

describe("tools for files", () => {
  const tools = useSystem(fileTools);
  const captures = useSystem(wireshark);
  tools.it("tell what is wrong with a signature", async () => {
    const id = "gnupg.verify-signature";
    const path = "files/shop.pem";
    expect(await tools.call(id, { path })).toMatchObject({ state: "bad", fingerprint: null, signers: [] });
    expect(await tools.call(id, { keyring: path })).toMatchObject({ state: "unknown-key" });
    expect(await tools.call(id, { signature: path })).toMatchObject({ state: "unreadable", signatures: 0 });
    expect(await tools.call(id, { keyring: "files/none" })).toBe("NOT_FOUND");
    expect(await tools.call(id, { keyring: "../keys.gpg" })).toBe("NOT_FOUND");
  });
  tools.it("tell a certificate and a key from other files", async () => {
    const path = "files/release.tar";
    expect(await tools.call("openssl.certificate", { path })).toBe("NO_CERTIFICATE");
    const id = "openssl.verify-certificate";
    expect(await tools.call(id, { path })).toBe("OUTPUT_CONTRACT_VIOLATION");
    expect(await tools.call(id, { roots: path })).toBe("ROOTS_UNREADABLE");
    expect(await tools.call(id, { host: null })).toEqual({ trusted: true, reason: null });
    expect(await tools.call("ssh-keygen.fingerprints", { path })).toBe("NO_KEY");
  });
  captures.it("tell a capture from other files", async () => {
    writeFileSync(
      join(captures.root, "cut.pcap"),
      readFileSync(join(captures.root, "till.pcap")).subarray(0, 60),
    );
    for (const id of ["wireshark.capture-info", "wireshark.dns-queries", "wireshark.read-packets"])
      expect(await captures.call(id, { path: "cut.pcap" })).toBe("CAPTURE_UNREADABLE");
    expect(await captures.call("wireshark.dns-queries", { path: "none.pcap" })).toBe("NOT_FOUND");
  });
}, 60_000);
