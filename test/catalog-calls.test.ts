import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import { adapters } from "../src/adapters/all.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import { mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import type { JsonObject } from "../src/format/json.ts";
import { resultOf, runAdapter } from "./adapter-call.ts";
import { makeCertificate, startTcp, startTls } from "./local-servers.ts";

const root = join(import.meta.dirname, "..");
const workspace = mkdtempSync(join(tmpdir(), "witnessops-catalog-"));
afterAll(() => rmSync(workspace, { recursive: true, force: true }));

/** Calls a contract of the catalog for real, in a workspace folder, and maps what came back. */
async function call(file: string, given: JsonObject, isolated = false): Promise<JsonObject> {
  const contract = parseContract(readFileSync(join(root, "catalog", file), "utf8"), { file });
  const checked = checkContractInputs(contract, given);
  if (!checked.ok) throw new Error(checked.faults.join("\n"));
  const { inputs } = checked;
  const parameters = evaluateTree(contract.execution.with, ["inputs"], { inputs });
  const adapter = adapters.find(({ id }) => id === contract.execution.adapter);
  if (!parameters.ok || adapter === undefined) throw new Error("the contract does not fit its adapter");
  const action = resolveAction(contract, inputs);
  if (!action.ok) throw new Error(action.faults.join("\n"));
  const rules = contract.evidence.artifacts;
  const run = await runAdapter(adapter, {
    with: parameters.value,
    artifacts: rules.map(({ name }) => name),
    root: workspace,
    timeoutMs: 20_000,
    endpoints: action.endpoints,
    isolated,
  });
  const result = resultOf(run);
  const required = rules.filter((rule) => rule.required).map(({ name }) => name);
  expect([...run.artifacts.keys()]).toEqual(expect.arrayContaining(required));
  const mapped = mapOutputs(contract, inputs, result);
  if (!mapped.ok) throw new Error(JSON.stringify(mapped.faults));
  return mapped.outputs;
}

it("triages the sample message", async () => {
  cpSync(join(root, "examples/messages"), join(workspace, "messages"), { recursive: true });
  expect(await call("mail/triage.yaml", { path: "messages/suspicious-invoice.eml" })).toMatchObject({
    fromDomain: "invoice.example",
    replyTo: "settlement@pay-invoice.test",
    failedMethods: ["spf=fail", "dkim=none", "dmarc=fail"],
    linkHosts: expect.arrayContaining([
      "invoice.example",
      "login.pay-invoice.test",
      "support.invoice.example",
    ]),
    mismatchedLinks: [{ host: "login.pay-invoice.test" }],
    attachments: [{ name: "RE-2026-1187.pdf", mediaType: "application/pdf" }],
  });
});

const noSandbox =
  process.platform === "linux"
    ? (needProgram("bwrap", "bubblewrap") ?? needProgram("ip", "iproute2"))
    : "skipped: needs Linux";
const noNmap = needProgram("nmap", "nmap");
const noOpenssl = needProgram("openssl", "openssl");

const hasGit = spawnSync("git", ["--version"]).status === 0;

it.skipIf(!hasGit)("records the state of a repository", async () => {
  const path = join(workspace, "repositories/shop");
  mkdirSync(path, { recursive: true });
  const git = (...args: string[]) => execFileSync("git", ["-C", path, ...args], { encoding: "utf8" }).trim();
  git("init", "--quiet", "--initial-branch=main");
  expect(await call("git/repository-state.yaml", { path: "repositories/shop" })).toMatchObject({
    commit: null,
    branch: "main",
  });
  writeFileSync(join(path, "a.txt"), "a\n");
  git("add", "a.txt");
  git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "a");
  writeFileSync(join(path, "a.txt"), "b\n");
  writeFileSync(join(path, "b.txt"), "b\n");
  for (const isolated of noSandbox === undefined ? [false, true] : [false]) {
    expect(await call("git/repository-state.yaml", { path: "repositories/shop" }, isolated)).toEqual({
      commit: git("rev-parse", "HEAD"),
      branch: "main",
      upstream: null,
      dirty: true,
      changed: 1,
      untracked: 1,
    });
  }
});

it("finds the TLS versions of a local server", async () => {
  cpSync(join(root, "examples/tools"), join(workspace, "tools"), { recursive: true });
  const server = await startTls(await makeCertificate("localhost"));
  try {
    const given = { host: "localhost", port: server.port, address: "127.0.0.1" };
    expect(await call("tls/protocol-versions.yaml", given)).toMatchObject({
      accepted: ["TLS 1.2", "TLS 1.3"],
      refused: ["TLS 1.0", "TLS 1.1"],
    });
  } finally {
    await server.close();
  }
});

it.skipIf(noNmap !== undefined)(`scans open and closed ports with nmap ${noNmap ?? ""}`, async () => {
  const [open, closed] = [await startTcp(() => undefined), await startTcp(() => undefined)];
  await closed.close();
  try {
    const given = { host: "127.0.0.1", ports: [open.port, closed.port] };
    const found = { open: [open.port], closed: [closed.port], filtered: [] };
    expect(await call("nmap/scan.yaml", given)).toMatchObject(found);
    // A relay that accepts before it knows would make every port look open.
    if (noSandbox === undefined) expect(await call("nmap/scan.yaml", given, true)).toMatchObject(found);
  } finally {
    await open.close();
  }
});

it.skipIf(noOpenssl !== undefined)(`asks a local server with openssl ${noOpenssl ?? ""}`, async () => {
  const server = await startTls(await makeCertificate("localhost"));
  try {
    for (const isolated of noSandbox === undefined ? [false, true] : [false]) {
      const given = { host: "127.0.0.1", port: server.port };
      expect(await call("openssl/s-client.yaml", given, isolated)).toMatchObject({
        protocol: "TLSv1.3",
        verifyCode: 18,
        certificates: 1,
      });
    }
  } finally {
    await server.close();
  }
});
