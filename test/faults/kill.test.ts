// A hundred kill -9 at random moments. A driver process takes runs through the governed path of a real workspace, against
// an external server that counts; the test kills it, starts it again, and at the end asks that server and the
// verifier what happened.
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey, randomInt, sign } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "rolldown";
import { expect, it } from "vitest";
import { type OpenLane, openLane } from "../../src/cli/open-lane.ts";
import { idempotencyKey } from "../../src/contract/build-action.ts";
import type { ReceiptPredicate } from "../../src/contract/receipt-predicate.ts";
import { collectBytes } from "../../src/format/byte-source.ts";
import { canonicalBytes } from "../../src/format/canonical-json.ts";
import { publicKeyFromSpki } from "../../src/format/public-key.ts";
import { type Signer, signEnvelope } from "../../src/format/signer.ts";
import { RESOLUTION_PAYLOAD_TYPE } from "../../src/format/statement.ts";
import { readReceipt } from "../../src/receipt/read-receipt.ts";
import { advance } from "../../src/run/advance.ts";
import { exportBundle } from "../../src/run/export-bundle.ts";
import type { Lane } from "../../src/run/lane.ts";
import { resolveStep } from "../../src/run/resolve-step.ts";
import { invocationsOf } from "../../src/run/run-state.ts";
import { viewRun } from "../../src/run/view-run.ts";
import { memoryBundle, type Report, type Trust, verifyBundle } from "../../src/verifier/index.ts";
import { type CountingServer, startCountingServer } from "./counting-server.ts";
import { type CountingWorkspace, makeCountingWorkspace } from "./counting-workspace.ts";

const KILLS = 100;
const STEPS = ["get", "put", "get", "put", "post", "put", "get", "post", "put", "get", "post"];
/** Methods that may arrive more than once for one invocation. */
const REPEATABLE = new Set(["GET", "PUT"]);

it("a hundred kill -9: nothing is lost, nothing forbidden is done twice, every bundle verifies", async () => {
  const driver = await bundleDriver();
  const first = makeCountingWorkspace(STEPS);
  const second = { ...first, root: join(first.folder, "other") };
  cpSync(first.root, second.root, { recursive: true });
  try {
    const counts = await Promise.all(
      [first, second].map((workspace) => torture(workspace, driver, KILLS / 2)),
    );
    console.log(counts.map((one) => JSON.stringify(one)).join("\n"));
    expect(counts.reduce((sum, { kills }) => sum + kills, 0)).toBe(KILLS);
  } finally {
    rmSync(first.folder, { recursive: true, force: true });
    rmSync(dirname(driver), { recursive: true, force: true });
  }
}, 240_000);

/** The driver in one file, which starts in half the time: it starts a hundred times. */
async function bundleDriver(): Promise<string> {
  const cache = join(import.meta.dirname, "..", "..", "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const file = join(mkdtempSync(join(cache, "faults-")), "drive-runs.mjs");
  await build({
    input: join(import.meta.dirname, "drive-runs.ts"),
    platform: "node",
    // They read their WebAssembly from their own folders.
    external: [/^@bufbuild\/re2/, /^@cedar-policy\/cedar-wasm/],
    output: { file, format: "esm", codeSplitting: false },
    logLevel: "silent",
  });
  return file;
}

async function torture(workspace: CountingWorkspace, driver: string, kills: number) {
  const server = await startCountingServer(() => randomInt(0, 12));
  const moments = { starting: 0, random: 0, "after a request": 0 };
  try {
    for (let n = 0; n < kills; n++) {
      const moment = n % 10 === 0 ? "starting" : n % 3 === 0 ? "after a request" : "random";
      moments[moment] += 1;
      await killOnce(() => start(driver, workspace, server, "work"), server, moment);
    }
    await finish(start(driver, workspace, server, "finish"));
    const opened = await openLane(workspace.root, { origin: "test" });
    try {
      const before = await judge(opened, server, workspace.trust);
      await settleDoubt(opened.lane, server, workspace.ownerKey);
      const after = await judge(opened, server, workspace.trust);
      expect(after).toMatchObject({ inDoubt: 0, completed: after.runs });
      return { kills, moments, ...before };
    } finally {
      await opened.close();
    }
  } finally {
    await server.close();
  }
}

/** Starts the driver, kills it at a random moment, and waits until it is gone. */
async function killOnce(
  startDriver: () => Driver,
  server: CountingServer,
  moment: "starting" | "random" | "after a request",
): Promise<void> {
  const driver = startDriver();
  if (moment === "starting") {
    await delay(randomInt(0, 600));
  } else {
    await driver.ready;
    if (moment === "random") await delay(randomInt(0, 250));
    else for (let requests = randomInt(1, 12); requests > 0; requests--) await server.next();
  }
  driver.process.kill("SIGKILL");
  expect(await driver.ended, driver.errors()).toBe("SIGKILL");
}

/** Lets the driver take every open run as far as it goes. */
async function finish(driver: Driver): Promise<void> {
  expect(await driver.ended, driver.errors()).toBe(0);
}

type Driver = ReturnType<typeof start>;

function start(script: string, { root }: CountingWorkspace, server: CountingServer, mode: "work" | "finish") {
  const args = ["--disable-warning=ExperimentalWarning", script, root, server.base, mode];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(script), "compiled") },
  });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | string | null>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal)),
  );
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    void ended.then((how) => reject(new Error(`the driver ended with ${how}: ${errors}`)));
  });
  ready.catch(() => undefined);
  return { process: child, ready, ended, errors: () => errors };
}

/** Compares what the ledger says with what the server saw, and verifies each run's bundle. */
async function judge({ lane }: OpenLane, server: CountingServer, trust: Trust) {
  const counts = { runs: 0, completed: 0, inDoubt: 0, requests: server.seen.length, repeated: 0 };
  expect(lane.store.checkIntegrity()).toEqual([]);
  const dispatched = new Set<string>();
  for (const { run } of lane.store.runs()) {
    const view = viewRun(lane, run);
    const doubtful = view.steps.filter(({ outcome }) => outcome === "in-doubt");
    counts.runs += 1;
    counts.completed += view.outcome === "completed" ? 1 : 0;
    counts.inDoubt += doubtful.length;
    // It has completed, or it waits for a person to say how one unsafe call ended.
    if (view.state === "waiting") {
      expect(doubtful.map(({ contract, waitingFor }) => [contract, waitingFor?.what])).toEqual([
        ["count.post@1.0.0", "resolution"],
      ]);
    } else expect([view.state, view.outcome]).toEqual(["closed", "completed"]);

    for (const { invocation } of lane.store.dispatches(run)) dispatched.add(idempotencyKey(invocation));
    for (const step of view.steps) {
      const key = idempotencyKey(step.invocation);
      const seen = server.by(key);
      const path = `${new URL(String(view.inputs.base)).pathname}/${step.id}`;
      for (const one of seen) expect(one.path).toBe(path);
      if (step.id.startsWith("post")) expect(seen.length, path).toBeLessThanOrEqual(1);
      if (step.outcome === "executed" && step.outputs !== undefined) {
        expect(seen.map(({ serial }) => serial)).toContain(step.outputs.serial);
      }
      if (step.outcome === "pending") expect(seen).toEqual([]);
      if (seen.length > 1) counts.repeated += 1;
    }
    const report = await verifyRun(lane, run, trust);
    expect(report.reasons).toEqual([]);
    expect([report.verdict, report.partial]).toEqual(["valid", view.state === "waiting"]);
  }
  // Whatever the server saw was recorded before it was sent; and one path never came with two keys.
  const keyOfPath = new Map<string, string>();
  for (const { key, path, method } of server.seen) {
    expect(dispatched.has(key), `${method} ${path} was never dispatched`).toBe(true);
    expect(keyOfPath.get(path) ?? key, path).toBe(key);
    expect(!keyOfPath.has(path) || REPEATABLE.has(method), `${method} ${path} arrived twice`).toBe(true);
    keyOfPath.set(path, key);
  }
  return counts;
}

async function verifyRun(lane: Lane, run: string, trust: Trust): Promise<Report> {
  const files = new Map<string, Uint8Array>();
  for (const file of await exportBundle(lane, [run])) {
    files.set(file.path, await collectBytes(file.read(), 1 << 24));
  }
  return verifyBundle(memoryBundle(files), trust);
}

/** A person asks the server how each call in doubt ended, signs what they found, and the runs go on. */
async function settleDoubt(lane: Lane, server: CountingServer, keyFile: string): Promise<void> {
  const olga = openSigner(keyFile);
  for (const { run } of lane.store.runs({ openOnly: true })) {
    for (;;) {
      const found = [...invocationsOf(lane.states.load(run))].find(({ phase }) => phase === "in-doubt");
      const last = found?.attempts.at(-1);
      if (found === undefined || last === undefined) break;
      const arrived = server.by(idempotencyKey(found.id)).length > 0;
      const statement = {
        purpose: "witnessops/resolution/v1",
        finding: arrived ? "executed" : "retry",
        invocation: found.id,
        attempt: last.attempt,
        actionDigest: last.actionDigest,
        principal: "olga",
        reason: arrived ? "the server counted it" : "the server never saw it",
        signedAt: new Date().toISOString(),
        nonce: lane.randomHex(16),
      };
      await resolveStep(
        lane,
        run,
        await signEnvelope(olga, canonicalBytes(statement), RESOLUTION_PAYLOAD_TYPE),
      );
      await advance(lane, run);
    }
  }
  for (const { run, closed } of lane.store.runs()) {
    const executed = lane.store
      .receipts(`run:${run}`)
      .map(({ payload }) => readReceipt(payload).predicate as ReceiptPredicate)
      .filter(({ event }) => event === "step-executed");
    expect([closed === undefined, executed.length]).toEqual([false, STEPS.length]);
  }
}

function openSigner(path: string): Signer {
  const privateKey = createPrivateKey(readFileSync(path));
  const pub = readFileSync(`${path}.pub`, "utf8").replaceAll(/-----.*-----|\s/g, "");
  return {
    publicKey: publicKeyFromSpki(new Uint8Array(Buffer.from(pub, "base64"))),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}
