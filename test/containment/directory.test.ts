// A containment runbook against a real directory: two people approve the disabling of an account, the process that makes
// the change is killed in the middle of it, a read-back says what became of it, and the bundle verifies. Once the directory
// had the change, once it had not. At the end the account is let in again. Every contract of the catalog for directories is
// called here.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../scripts/need-program.ts";
import type { Report } from "../../src/verifier/index.ts";
import {
  BIND_DN,
  BIND_PASSWORD,
  type DirectoryServer,
  noDirectory,
  SUFFIX,
  startDirectory,
} from "../directory-server.ts";
import { type DirectoryProxy, startDirectoryProxy } from "./directory-proxy.ts";

const program = join(import.meta.dirname, "..", "..", "witnessops");
const missing = noDirectory ?? needProgram("ssh-keygen", "openssh-client");
if (missing !== undefined) console.log(missing);

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "witnessops-directory-"));
const root = join(folder, "workspace");
const LOCKED = "pwdAccountLockedTime: 000001010000Z";
let directory: DirectoryServer;
let proxy: DirectoryProxy;
let environment: NodeJS.ProcessEnv;

interface RunJson {
  readonly run: string;
  readonly state: string;
  readonly outcome?: string;
  readonly steps: readonly {
    readonly id: string;
    readonly readBack?: number;
    readonly outcome: string;
    readonly errorClass?: string;
    readonly outputs?: Record<string, unknown>;
    readonly waitingFor?: { readonly what: string; readonly escalatedTo?: string };
  }[];
}

/** Runs one command line in the workspace; answers its JSON, whatever its status. The line to the directory lives here. */
async function witnessops<T = RunJson>(...words: string[]): Promise<T> {
  const ended = await execute(program, [...words, "--json", "-C", root], { env: environment }).catch(
    (error: { stdout?: string; stderr?: string }) => error,
  );
  if (ended.stdout === undefined || ended.stdout === "") throw new Error(ended.stderr ?? String(ended));
  const answer = JSON.parse(ended.stdout) as T & { error?: unknown };
  if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error));
  return answer;
}

const head = (id: string, objective: string) => `apiVersion: witnessops/v1
kind: Runbook
id: ${id}
version: 1.0.0
title: ${objective}
classification: confidential
owner: ana
objective: ${objective}
technique: T1078
inputs:
  type: object
  additionalProperties: false
  required: [user, host, port, bindAs]
  properties: { user: { type: string }, host: { type: string }, port: { type: integer }, bindAs: { type: string } }
scope:
  include:
    - { kind: host, from: inputs.host }
    - { kind: account, from: "'ou=people,${SUFFIX}/' + inputs.user" }
    - { kind: directory-group, from: "'ou=groups,${SUFFIX}/admins'" }
steps:
`;
const step = (id: string, name: string, ...parts: readonly ("user" | "group")[]) => `  - id: ${id}
    title: ${id}
    uses: ldap.${name}@1.0.0
    with:
      host: inputs.host
      port: inputs.port
      bindAs: inputs.bindAs
${parts.includes("user") ? `      user: inputs.user\n      base: "'ou=people,${SUFFIX}'"\n` : ""}${
  parts.includes("group") ? `      group: "'admins'"\n      groupBase: "'ou=groups,${SUFFIX}'"\n` : ""
}`;
const runbooks = {
  contain:
    head("contain", "keep an account out that somebody else uses") +
    step("who", "user", "user") +
    step("disable", "disable-user", "user") +
    step("look", "user-state", "user") +
    step("members", "group-members", "group") +
    step("remove", "remove-from-group", "user", "group") +
    step("still", "is-member", "user", "group"),
  release: head("release", "let an account in again") + step("enable", "enable-user", "user"),
};

beforeAll(async () => {
  if (missing !== undefined) return;
  directory = await startDirectory(join(folder, "directory"));
  proxy = await startDirectoryProxy(directory.port);
  writeFileSync(join(folder, "authority.pem"), proxy.authority);
  environment = {
    ...process.env,
    LDAP_BIND_PASSWORD: BIND_PASSWORD,
    NODE_EXTRA_CA_CERTS: join(folder, "authority.pem"),
  };
  const owner = join(folder, "ana.pem");
  execFileSync(program, ["init", root, "--owner", "ana", "--owner-key", owner], { stdio: "pipe" });
  for (const [id, text] of Object.entries(runbooks)) writeFileSync(join(root, `runbooks/${id}.yaml`), text);
  for (const [id, role] of [
    ["ben", "approver"],
    ["otto", "operator"],
  ] as const) {
    const key = join(folder, id);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    await witnessops("principal", "add", id, "--name", id, "--role", role, "--public-key", `${key}.pub`);
  }
  await witnessops("catalog", "lock");
  const scope = [
    "cidr:127.0.0.0/8",
    `account:ou=people,${SUFFIX}/*`,
    `directory-group:ou=groups,${SUFFIX}/*`,
  ].flatMap((one) => ["--include", one]);
  await witnessops(
    "engagement",
    "new",
    "incident",
    "--classification",
    "confidential",
    ...scope,
    "--operator",
    "otto",
    "--approver",
    "ben",
  );
  await witnessops("engagement", "authorize", "incident", "--key", owner);
}, 120_000);

afterAll(async () => {
  await proxy?.close();
  await directory?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing !== undefined)("an account is contained", () => {
  it("by a change that was killed after the directory had it: the read-back finds it", async () => {
    const run = await start("contain", "bob");
    await approveTwice(run, "disable");
    await killDuring(run, "lose-answer");
    expect((await witnessops("run", "show", run)).steps.slice(0, 3).map(({ outcome }) => outcome)).toEqual([
      "executed",
      "dispatched",
      "pending",
    ]);
    expect(lockedIn("bob")).toBe(true);
    const paused = await witnessops("run", "resume", run);
    expect(paused.steps.map(({ id, readBack, outcome }) => [id, readBack, outcome])).toEqual([
      ["who", undefined, "executed"],
      ["disable", undefined, "executed"],
      ["disable", 1, "executed"],
      ["look", undefined, "executed"],
      ["members", undefined, "executed"],
      ["remove", undefined, "paused"],
      ["still", undefined, "pending"],
    ]);
    await approveTwice(run, "remove");
    const after = await witnessops("run", "resume", run);
    expect([after.state, after.outcome]).toEqual(["closed", "completed"]);
    const outputs = (id: string) => after.steps.find((one) => one.id === id)?.outputs;
    expect(outputs("who")?.people).toMatchObject([{ names: ["Bob (the *second*)"] }]);
    expect(outputs("look")).toMatchObject({ disabled: true });
    expect(outputs("members")).toMatchObject({ count: 2 });
    expect(outputs("still")).toEqual({ isMember: false });
    // What the directory's own files say, and what it says to who logs in.
    expect(directory.dump()).not.toContain(`member: uid=bob,ou=people,${SUFFIX}`);
    expect(directory.dump()).toContain(`member: uid=alice,ou=people,${SUFFIX}`);
    expect(await loginAs("bob")).toBe("AUTH_REJECTED");
    expect(await loginAs("alice")).toBe("executed");
  }, 240_000);

  it("not, by a change that was killed before the directory had it: somebody takes over", async () => {
    const run = await start("contain", "alice");
    await approveTwice(run, "disable");
    await killDuring(run, "lose-request");
    const after = await witnessops("run", "resume", run);
    expect(after.steps[1]).toMatchObject({ outcome: "failed", waitingFor: { escalatedTo: "incident-lead" } });
    expect(lockedIn("alice")).toBe(false);
    const key = ["--as", "otto", "--ssh-key", join(folder, "otto")];
    await witnessops("run", "resolve", run, "--finding", "hand-over", "--reason", "the lead has it", ...key);
    const closed = await witnessops("run", "resume", run);
    expect([closed.state, closed.outcome]).toEqual(["closed", "handed-over"]);
  }, 240_000);

  it("and let in again, by the same two people", async () => {
    const run = await start("release", "bob");
    await approveTwice(run, "enable");
    expect((await witnessops("run", "resume", run)).outcome).toBe("completed");
    expect(lockedIn("bob")).toBe(false);
    expect(await loginAs("bob")).toBe("executed");
  }, 120_000);

  it("under a name with syntax of its own: never", async () => {
    const words = [...inputsOf("bob,ou=admins"), "--as", "otto"];
    const { steps } = await witnessops("run", "start", "contain", ...words);
    expect(steps[0]?.outputs).toEqual({ people: [], more: false, referrals: [] });
    expect(steps[1]).toMatchObject({ outcome: "denied" });
  }, 60_000);

  it("and everything of it verifies, offline, from one bundle without the password", async () => {
    await witnessops("engagement", "close", "incident", "--reason", "contained");
    const bundle = join(folder, "incident.tar");
    await witnessops("bundle", "export", "--engagement", "incident", "--out", bundle);
    expect(readFileSync(bundle).includes(BIND_PASSWORD)).toBe(false);
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
    const made = report.steps
      .filter(({ id, readBack }) => id === "disable" && readBack === undefined)
      .filter(({ outcome }) => outcome !== "denied");
    expect(made.map(({ outcome, proofClass }) => [outcome, proofClass]).sort()).toEqual([
      ["executed", "operational-input"],
      ["failed", "operational-input"],
    ]);
  }, 120_000);
});

function inputsOf(user: string): string[] {
  const inputs = [`user=${user}`, "host=127.0.0.1", `port=${proxy.port}`, `bindAs=${BIND_DN}`];
  return inputs.flatMap((input) => ["--input", input]);
}

async function start(runbook: string, user: string): Promise<string> {
  const paused = await witnessops("run", "start", runbook, ...inputsOf(user), "--as", "otto");
  if (!paused.steps.some(({ outcome }) => outcome === "paused"))
    throw new Error(JSON.stringify(paused.steps));
  return paused.run;
}

/** The approver signs with their SSH key, the owner with theirs; one of them is not enough. */
async function approveTwice(run: string, id: string): Promise<void> {
  await witnessops("run", "approve", run, id, "--as", "ben", "--ssh-key", join(folder, "ben"), "--yes");
  const still = await witnessops("run", "resume", run);
  expect(still.steps.find((one) => one.id === id)?.outcome).toBe("paused");
  await witnessops("run", "approve", run, id, "--as", "ana", "--key", join(folder, "ana.pem"), "--yes");
}

/** Drives a run in a process of its own, which is killed once the change has met its fault. */
async function killDuring(run: string, fault: "lose-answer" | "lose-request"): Promise<void> {
  const before = proxy.lost();
  proxy.fault = fault;
  const driver = spawn(program, ["run", "resume", run, "-C", root], { env: environment, stdio: "ignore" });
  await expect.poll(() => proxy.lost(), { timeout: 60_000 }).toBe(before + 1);
  await killed(driver);
  proxy.fault = undefined;
}

function killed(driver: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    driver.once("exit", () => resolve());
    driver.kill("SIGKILL");
  });
}

/** Whether the directory's own files hold the lock of an account. */
function lockedIn(uid: string): boolean {
  const entry = directory
    .dump()
    .split("\n\n")
    .find((one) => one.includes(`dn: uid=${uid},`));
  return entry?.includes(LOCKED) === true;
}

/** How a login as a person ends: as the person looks up themselves. */
async function loginAs(uid: string): Promise<string> {
  const given = {
    host: "127.0.0.1",
    port: String(proxy.port),
    bindAs: `uid=${uid},ou=people,${SUFFIX}`,
    base: `ou=people,${SUFFIX}`,
    user: uid,
  };
  environment = { ...environment, LDAP_BIND_PASSWORD: `${uid}-Pa55word` };
  const words = Object.entries(given).flatMap(([name, value]) => ["--with", `${name}=${value}`]);
  const called = await witnessops("call", "ldap.user", ...words, "--as", "otto", "--engagement", "incident");
  environment = { ...environment, LDAP_BIND_PASSWORD: BIND_PASSWORD };
  const [only] = called.steps;
  return only?.errorClass ?? only?.outcome ?? "nothing";
}
