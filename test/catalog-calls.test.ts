import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import { adapters } from "../src/adapters/all.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import type { Contract } from "../src/contract/contract.ts";
import { mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import type { JsonObject } from "../src/format/json.ts";
import { type CallOptions, resultOf, runAdapter } from "./adapter-call.ts";
import { makeCertificate, startTcp, startTls } from "./local-servers.ts";
import { type S3Server, startS3Server } from "./s3-server.ts";
import { makeKey, noSshServer, type SshServer, startSshServer } from "./ssh-server.ts";

const root = join(import.meta.dirname, "..");
const workspace = mkdtempSync(join(tmpdir(), "witnessops-catalog-"));
afterAll(() => rmSync(workspace, { recursive: true, force: true }));

/** The endpoints and secrets of a call, as the governed path resolves them; secrets only from the environment. */
function reach(contract: Contract, inputs: JsonObject): Partial<CallOptions> {
  const action = resolveAction(contract, inputs);
  if (!action.ok) throw new Error(action.faults.join("\n"));
  const secrets = (contract.execution.secrets ?? []).map(({ name, ref, into }) => ({
    name,
    value: process.env[ref.slice("env:".length)] ?? "",
    into: { kind: into.kind, name: into.name },
  }));
  return { endpoints: action.endpoints, secrets };
}

/** Calls a contract of the catalog for real, in a workspace folder, and maps what came back. */
async function call(
  file: string,
  given: JsonObject,
  options: Partial<CallOptions> = {},
): Promise<JsonObject> {
  const contract = parseContract(readFileSync(join(root, "catalog", file), "utf8"), { file });
  const checked = checkContractInputs(contract, given);
  if (!checked.ok) throw new Error(checked.faults.join("\n"));
  const { inputs } = checked;
  const parameters = evaluateTree(contract.execution.with, ["inputs"], { inputs });
  const adapter = adapters.find(({ id }) => id === contract.execution.adapter);
  if (!parameters.ok || adapter === undefined) throw new Error("the contract does not fit its adapter");
  const rules = contract.evidence.artifacts;
  const run = await runAdapter(adapter, {
    // As the wrapper does: what is null counts as not given.
    with: Object.fromEntries(Object.entries(parameters.value).filter(([, value]) => value !== null)),
    artifacts: rules.map(({ name }) => name),
    root: workspace,
    timeoutMs: 20_000,
    ...reach(contract, inputs),
    ...options,
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
    expect(await call("git/repository-state.yaml", { path: "repositories/shop" }, { isolated })).toEqual({
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

describe.skipIf(noSshServer !== undefined)("over SSH", () => {
  let server: SshServer;
  let inputs: JsonObject;
  beforeAll(async () => {
    server = await startSshServer();
    process.env.SSH_PRIVATE_KEY = server.key;
    inputs = { host: "127.0.0.1", port: server.port, user: server.user, hostKeys: [server.hostKey] };
  });
  afterAll(async () => {
    delete process.env.SSH_PRIVATE_KEY;
    await server.close();
  });

  it("records the facts of a host", async () => {
    const kernel = execFileSync("uname", ["-srm"], { encoding: "utf8" }).trim();
    expect(await call("ssh/host-facts.yaml", inputs)).toMatchObject({ kernel, hostKey: server.fingerprint });
  });

  it.skipIf(spawnSync("ss", ["-V"]).status !== 0)("records its listening sockets", async () => {
    const { sockets } = await call("ssh/listening-sockets.yaml", inputs);
    expect(sockets).toContain(`127.0.0.1:${server.port}`);
  });

  it.skipIf(process.getuid?.() !== 0)("records the state of an account", async () => {
    const state = await call("ssh/account-state.yaml", { ...inputs, account: "nobody" });
    expect(state).toMatchObject({ locked: expect.any(Boolean), expires: "never" });
  });

  it.skipIf(!hasGit)("lists the refs of a repository and checks a signature", async () => {
    const path = join(workspace, "remote");
    const signer = makeKey(join(workspace, "signer"));
    mkdirSync(path);
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "gpg.format=ssh"];
    const sign = ["-c", `user.signingKey=${join(workspace, "signer")}`];
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", path, ...who, ...sign, ...args], { encoding: "utf8" }).trim();
    git("init", "--quiet", "--initial-branch=main");
    git("commit", "--quiet", "--allow-empty", "-S", "-m", "a");
    const commit = git("rev-parse", "HEAD");
    expect(await call("git/refs.yaml", { ...inputs, path })).toMatchObject({
      head: "refs/heads/main",
      refs: expect.arrayContaining([{ name: "refs/heads/main", object: commit }]),
    });
    const allowedSigners = [`t@example.com ${signer.publicKey}`];
    expect(
      await call("git/commit-signature.yaml", { ...inputs, path, commit, allowedSigners }),
    ).toMatchObject({
      state: "good",
      principal: "t@example.com",
      key: signer.fingerprint,
    });
  });

  it("tells an account without keys from a failure of ours", async () => {
    await expect(call("ssh/authorized-keys.yaml", { ...inputs, account: "nobody" })).rejects.toThrow(
      "EXIT_STATUS",
    );
  });
});

describe("with an object store", () => {
  let server: S3Server;
  let inputs: JsonObject;
  beforeAll(async () => {
    server = await startS3Server(join(workspace, "s3"));
    process.env.S3_ACCESS_KEY_ID = server.accessKeyId;
    process.env.S3_SECRET_ACCESS_KEY = server.secretAccessKey;
    inputs = { host: "127.0.0.1", port: server.port, region: "eu-central-1", bucket: server.bucket };
  });
  afterAll(async () => {
    delete process.env.S3_ACCESS_KEY_ID;
    delete process.env.S3_SECRET_ACCESS_KEY;
    await server.local.close();
  });

  it("puts evidence, finds it, lists it and fetches it", async () => {
    const [key, text] = ["case-7/note.txt", "seen at 08:00\\n"];
    const sha256 = createHash("sha256").update(text).digest("hex");
    const at = (file: string, more: JsonObject) => call(file, { ...inputs, ...more }, { extraCa: server.ca });
    expect(await at("s3/object-head.yaml", { key })).toMatchObject({ found: false });
    expect(await at("s3/put-evidence.yaml", { key, text, sha256 })).toMatchObject({ sha256, verified: true });
    expect(await at("s3/object-head.yaml", { key })).toMatchObject({ found: true, sha256 });
    expect(await at("s3/get-object.yaml", { key })).toMatchObject({ sha256, verified: true });
    expect(await at("s3/list.yaml", { prefix: "case-7/" })).toMatchObject({ count: 1, more: false });
    await expect(at("s3/put-evidence.yaml", { key, text, sha256 })).rejects.toThrow("412");
  });
});

it.skipIf(noNmap !== undefined)(`scans open and closed ports with nmap ${noNmap ?? ""}`, async () => {
  const [open, closed] = [await startTcp(() => undefined), await startTcp(() => undefined)];
  await closed.close();
  try {
    const given = { host: "127.0.0.1", ports: [open.port, closed.port] };
    const found = { open: [open.port], closed: [closed.port], filtered: [] };
    expect(await call("nmap/scan.yaml", given)).toMatchObject(found);
    // A relay that accepts before it knows would make every port look open.
    if (noSandbox === undefined)
      expect(await call("nmap/scan.yaml", given, { isolated: true })).toMatchObject(found);
  } finally {
    await open.close();
  }
});

it.skipIf(noOpenssl !== undefined)(`asks a local server with openssl ${noOpenssl ?? ""}`, async () => {
  const server = await startTls(await makeCertificate("localhost"));
  try {
    for (const isolated of noSandbox === undefined ? [false, true] : [false]) {
      const given = { host: "127.0.0.1", port: server.port };
      expect(await call("openssl/s-client.yaml", given, { isolated })).toMatchObject({
        protocol: "TLSv1.3",
        verifyCode: 18,
        certificates: 1,
      });
    }
  } finally {
    await server.close();
  }
});
