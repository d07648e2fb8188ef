// One approval, two processes that go on with the run at the same instant, and one of them killed: the action is done at
// most once, the approval is used at most once, and what is recorded verifies.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CountingServer, startCountingServer } from "./counting-server.ts";
import { type CountingWorkspace, makeCountingWorkspace } from "./counting-workspace.ts";

const execute = promisify(execFile);
const program = join(import.meta.dirname, "..", "..", "witnessops");
const ROUNDS = 6;
let workspace: CountingWorkspace;
let server: CountingServer;
let ben: string;

/** One command line; its standard output, whatever its status. */
async function witnessops(...words: string[]): Promise<string> {
  const at = [...words, "-C", workspace.root];
  return execute(program, at).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => {
      if (error.stdout === "") throw new Error(error.stderr);
      return error.stdout;
    },
  );
}

beforeAll(async () => {
  workspace = makeCountingWorkspace(["post"], {
    asks: (text) =>
      text.replace("uses: count.post@1.0.0,", "uses: count.post@1.0.0, gates: { approval: designated },"),
  });
  server = await startCountingServer(() => 500);
  ben = join(workspace.folder, "ben.pem");
  await witnessops("key", "new", ben);
  await witnessops(
    "principal",
    "add",
    "ben",
    "--name",
    "Ben",
    "--role",
    "approver",
    "--public-key",
    `${ben}.pub`,
  );
  await witnessops("engagement", "new", "asked", "--include", "cidr:127.0.0.0/8", "--approver", "ben");
  await witnessops("engagement", "authorize", "asked", "--key", workspace.ownerKey);
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(workspace.folder, { recursive: true, force: true });
});

it("is used once, whoever is killed", async () => {
  const ends: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const base = `${server.base}/round-${round}`;
    const inputs = ["--engagement", "asked", "--input", `base=${base}`, "--json"];
    const { run } = JSON.parse(await witnessops("run", "start", "asks", ...inputs)) as { run: string };
    await witnessops("run", "approve", run, "--as", "ben", "--key", ben, "--yes");
    const both = [drive(run), drive(run)];
    // Somewhere on the way, or while the one of them that won makes the call.
    await (round < 2 ? delay(randomInt(100, 900)) : server.next());
    await killed(both[round % 2]);
    await ended(both[(round + 1) % 2]);
    // A process that was killed with the call leaves doubt; nobody makes the call again.
    const after = JSON.parse(await witnessops("run", "resume", run, "--json")) as {
      steps: { outcome: string; attempts: number }[];
    };
    const [step] = after.steps;
    ends.push(step?.outcome ?? "");
    expect(["executed", "in-doubt"]).toContain(step?.outcome);
    expect(step?.attempts).toBe(1);
    expect(server.seen.filter(({ path }) => path.startsWith(`/round-${round}/`)).length).toBeLessThanOrEqual(
      1,
    );
  }
  const bundle = join(workspace.folder, "asked.tar");
  await witnessops("bundle", "export", "--engagement", "asked", "--out", bundle);
  const trust = join(workspace.folder, "trust.json");
  await witnessops(
    "trust",
    "add",
    trust,
    "--principal",
    "ben",
    "--role",
    "approver",
    "--public-key",
    `${ben}.pub`,
  );
  const report = JSON.parse(await witnessops("verify", bundle, "--trust", trust, "--json")) as {
    verdict: string;
    reasons: string[];
  };
  expect([report.verdict, report.reasons]).toEqual(["valid", []]);
  expect(readFileSync(trust, "utf8")).toContain("ben");
  console.log(JSON.stringify({ rounds: ROUNDS, ends }));
}, 180_000);

function drive(run: string): ChildProcess {
  return spawn(program, ["run", "resume", run, "-C", workspace.root], { stdio: "ignore" });
}

function killed(driver: ChildProcess | undefined): Promise<void> {
  driver?.kill("SIGKILL");
  return ended(driver);
}

function ended(driver: ChildProcess | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (driver === undefined || driver.exitCode !== null || driver.signalCode !== null) resolve();
    else driver.once("exit", () => resolve());
  });
}
