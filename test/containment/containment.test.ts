// A containment runbook against a real name server: two people approve an unsafe action, the process that makes the
// call is killed in the middle of it, a read-back says what became of it, and the run, the engagement and the bundle
// are closed. Once the server had acted, once it had not.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../scripts/need-program.ts";
import type { Report } from "../../src/verifier/index.ts";
import { type NameServer, SCHEMA, startNameServer } from "./name-server.ts";
import { sinkholeFiles } from "./sinkhole.ts";

const program = join(import.meta.dirname, "..", "..", "witnessops");
const missing =
  needProgram("/usr/sbin/pdns_server", "pdns-server") ??
  needProgram("ssh-keygen", "openssh-client") ??
  needProgram(SCHEMA, "pdns-backend-sqlite3");
if (missing !== undefined) console.log(missing);

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "witnessops-containment-"));
const root = join(folder, "workspace");
let server: NameServer;
let environment: NodeJS.ProcessEnv;

interface RunJson {
  readonly run: string;
  readonly state: string;
  readonly outcome?: string;
  readonly steps: readonly {
    readonly id: string;
    readonly readBack?: number;
    readonly outcome: string;
    readonly outputs?: Record<string, unknown>;
    readonly waitingFor?: { readonly what: string; readonly escalatedTo?: string };
  }[];
}

/** Runs one command line in the workspace; answers its JSON, whatever its status. The name server's proxy lives here. */
async function witnessops<T = RunJson>(...words: string[]): Promise<T> {
  const ended = await execute(program, [...words, "--json", "-C", root], { env: environment }).catch(
    (error: { stdout?: string; stderr?: string }) => error,
  );
  if (ended.stdout === undefined || ended.stdout === "") throw new Error(ended.stderr ?? String(ended));
  return JSON.parse(ended.stdout) as T;
}

beforeAll(async () => {
  if (missing !== undefined) return;
  server = await startNameServer(join(folder, "name-server"));
  const authority = join(folder, "authority.pem");
  writeFileSync(authority, server.authority);
  environment = { ...process.env, PDNS_API_KEY: server.apiKey, NODE_EXTRA_CA_CERTS: authority };
  const owner = join(folder, "ana.pem");
  execFileSync(program, ["init", root, "--owner", "ana", "--owner-key", owner], {
    env: environment,
    stdio: "pipe",
  });
  for (const [path, text] of Object.entries(sinkholeFiles(server.api))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "ben")]);
  execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", join(folder, "otto")]);
  const person = (id: string, role: string) =>
    witnessops(
      "principal",
      "add",
      id,
      "--name",
      id,
      "--role",
      role,
      "--public-key",
      join(folder, `${id}.pub`),
    );
  await person("ben", "approver");
  await person("otto", "operator");
  await witnessops("catalog", "lock");
  const scope = ["evil.example", "worse.example", "cidr:127.0.0.0/8"].flatMap((target) => [
    "--include",
    target,
  ]);
  await witnessops("engagement", "new", "incident", ...scope, "--operator", "otto", "--approver", "ben");
  await witnessops("engagement", "authorize", "incident", "--key", owner);
}, 120_000);

afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing !== undefined)("a domain is contained", () => {
  it("by a call that was killed after the server had acted: the read-back finds it", async () => {
    const run = await start("evil.example");
    await approveTwice(run);
    await killDuring(run, "lose-answer");
    expect((await witnessops("run", "show", run)).steps.map(({ outcome }) => outcome)).toEqual([
      "executed",
      "dispatched",
      "pending",
    ]);
    const after = await witnessops("run", "resume", run);
    expect([after.state, after.outcome]).toEqual(["closed", "completed"]);
    expect(after.steps.map(({ id, readBack, outcome }) => [id, readBack, outcome])).toEqual([
      ["before", undefined, "executed"],
      ["sinkhole", undefined, "executed"],
      ["sinkhole", 1, "executed"],
      ["look", undefined, "executed"],
    ]);
    // What a client of the server gets from now on.
    expect(JSON.stringify(after.steps.at(-1)?.outputs?.records)).toContain("192.0.2.1");
    expect(zonesOf("evil.example")).toBe(1);
  }, 180_000);

  it("not, by a call that was killed before the server had it: the read-back finds that, somebody takes over", async () => {
    const run = await start("worse.example");
    await approveTwice(run);
    await killDuring(run, "lose-request");
    const after = await witnessops("run", "resume", run);
    expect(after.state).toBe("waiting");
    expect(after.steps[1]).toMatchObject({ outcome: "failed", waitingFor: { escalatedTo: "incident-lead" } });
    expect(zonesOf("worse.example")).toBe(0);
    const { escalation } = await witnessops<{ escalation: { openQuestions: string[]; doubt: unknown[] } }>(
      "run",
      "escalation",
      run,
    );
    expect(escalation.openQuestions).toHaveLength(1);
    expect(escalation.doubt).toEqual([]);
    const reason = [
      "--reason",
      "the incident lead has it",
      "--as",
      "otto",
      "--ssh-key",
      join(folder, "otto"),
    ];
    await witnessops("run", "resolve", run, "--finding", "hand-over", ...reason);
    const closed = await witnessops("run", "resume", run);
    expect([closed.state, closed.outcome]).toEqual(["closed", "handed-over"]);
  }, 180_000);

  it("and everything of it verifies, offline, from one bundle", async () => {
    await witnessops("engagement", "close", "incident", "--reason", "contained");
    const bundle = join(folder, "incident.tar");
    await witnessops("bundle", "export", "--engagement", "incident", "--out", bundle);
    const trust = join(folder, "trust.json");
    await witnessops("trust", "new", trust);
    const add = (...words: string[]) => witnessops("trust", "add", trust, ...words);
    const { publicKey } = await witnessops<{ publicKey: string }>("key", "export", "issuer-root");
    await add("--issuer-root", "here", "--public-key", publicKey);
    for (const [id, role, file] of [
      ["ana", "owner", "ana.pem.pub"],
      ["ben", "approver", "ben.pub"],
      ["otto", "operator", "otto.pub"],
    ] as const)
      await add("--principal", id, "--role", role, "--public-key", join(folder, file));
    const report = await witnessops<Report>("verify", bundle, "--trust", trust);
    expect([report.verdict, report.reasons]).toEqual(["valid", []]);
    expect(report.runs.map(({ outcome }) => outcome).sort()).toEqual(["completed", "handed-over"]);
    const made = report.steps.filter(({ id, readBack }) => id === "sinkhole" && readBack === undefined);
    expect(made.map(({ outcome, proofClass }) => [outcome, proofClass]).sort()).toEqual([
      ["executed", "operational-input"],
      ["failed", "operational-input"],
    ]);
    const told = await witnessops<{ doubt: unknown[] }>("report", "incident");
    expect(told.doubt).toHaveLength(2);
  }, 180_000);
});

async function start(domain: string): Promise<string> {
  const inputs = [`domain=${domain}`, "server=127.0.0.1", `port=${server.dnsPort}`];
  const words = inputs.flatMap((input) => ["--input", input]);
  const paused = await witnessops("run", "start", "contain-domain", ...words, "--as", "otto");
  expect(paused.steps[1]).toMatchObject({ outcome: "paused", waitingFor: { what: "approval" } });
  return paused.run;
}

/** The approver signs with their SSH key, the owner with theirs; one of them is not enough. */
async function approveTwice(run: string): Promise<void> {
  await witnessops(
    "run",
    "approve",
    run,
    "sinkhole",
    "--as",
    "ben",
    "--ssh-key",
    join(folder, "ben"),
    "--yes",
  );
  expect((await witnessops("run", "resume", run)).steps[1]?.outcome).toBe("paused");
  await witnessops(
    "run",
    "approve",
    run,
    "sinkhole",
    "--as",
    "ana",
    "--key",
    join(folder, "ana.pem"),
    "--yes",
  );
}

/** Drives a run in a process of its own, which is killed once the request has met its fault. */
async function killDuring(run: string, kind: "lose-answer" | "lose-request"): Promise<void> {
  const before = server.lost();
  server.fault = { method: "POST", kind };
  const driver = spawn(program, ["run", "resume", run, "-C", root], { env: environment, stdio: "ignore" });
  await expect.poll(() => server.lost(), { timeout: 60_000 }).toBe(before + 1);
  await killed(driver);
  server.fault = undefined;
}

function killed(driver: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    driver.once("exit", () => resolve());
    driver.kill("SIGKILL");
  });
}

/** How many zones of a name the server really has, asked directly. */
function zonesOf(domain: string): number {
  const answer = execFileSync(
    "/usr/bin/env",
    ["pdnsutil", `--config-dir=${join(folder, "name-server")}`, "list-all-zones"],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  return answer.split("\n").filter((line) => line === domain).length;
}
