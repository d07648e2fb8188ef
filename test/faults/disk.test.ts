// Disks that fail, through the real command line: a full one, a read-only one, a damaged ledger. Each time there is one
// clear error, nothing was sent that is not recorded (the counting server is asked), and when the fault is gone
// the work goes on where it was.
import { type SpawnOptions, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idempotencyKey } from "../../src/contract/build-action.ts";
import type { RunView } from "../../src/run/view-run.ts";
import { openSqliteStore } from "../../src/store/sqlite-store.ts";
import type { Report } from "../../src/verifier/index.ts";
import { type CountingServer, startCountingServer } from "./counting-server.ts";
import { type CountingWorkspace, makeCountingWorkspace } from "./counting-workspace.ts";

const program = join(import.meta.dirname, "..", "..", "witnessops");
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

describe.skipIf(process.platform === "win32")("a disk that fails", () => {
  let made: CountingWorkspace;
  let server: CountingServer;
  let copies = 0;

  beforeAll(async () => {
    const last = /(- \{ id: post-9.*) \}\n/;
    const onePost = `steps:\n  - { id: post-1, uses: count.post@1.0.0, with: { url: "inputs.base + '/post-1'" } }\n`;
    made = makeCountingWorkspace(["get", "put", "post", "get", "put", "post", "get", "put", "post"], {
      "one-post": (text) => text.replace(/steps:[\s\S]*/, onePost),
      // The same as `count`, held before its last step by an approval that nobody gives.
      held: (text) => text.replace(last, "$1, gates: { approval: designated } }\n"),
    });
    server = await startCountingServer(() => 0);
  }, 60_000);
  afterAll(async () => {
    await server.close();
    rmSync(made.folder, { recursive: true, force: true });
  });

  it("that fills up during a run: what was sent is recorded, and the run goes on when there is room", async () => {
    const root = copy();
    const found = { refused: 0, unfinished: 0, completed: 0, inDoubt: 0 };
    // Limits on the size of files make writes fail for real, also for root: in an artifact, or in the ledger.
    const size = (): number => Math.ceil(statSync(ledgerOf(root)).size / 1024);
    for (const [limit, runbook, path] of [
      [() => 140, "one-post", "large"],
      [() => size() / 2, "count", "a"],
      [() => size() + 30, "count", "b"],
      [() => size() + 60, "count", "c"],
      [() => size() + 90, "count", "d"],
    ] as const) {
      const before = openRuns(root);
      const kilobytes = Math.floor(limit());
      expectOneError(
        await witnessops(startWords(root, runbook, path), { kilobytes }),
        /(disk|quota) is full$/,
      );
      found.refused += 1;
      expectRecorded(root);
      const [run] = openRuns(root).filter((one) => !before.includes(one));
      if (run === undefined) continue;
      found.unfinished += 1;
      const resumed = await witnessops(["run", "resume", run, "-C", root]);
      const { state, steps } = viewOf(resumed);
      // A call that is not to be repeated, and whose end did not fit on the disk, waits for a person.
      const doubtful = steps.filter(({ outcome }) => outcome === "in-doubt").map(({ contract }) => contract);
      if (runbook === "one-post") expect(doubtful).toEqual(["count.post@1.0.0"]);
      expect(doubtful.every((contract) => contract === "count.post@1.0.0")).toBe(true);
      expect([state, resumed.status]).toEqual(doubtful.length > 0 ? ["waiting", 3] : ["closed", 0]);
      found[doubtful.length > 0 ? "inDoubt" : "completed"] += 1;
      expectRecorded(root);
    }
    expect(found.unfinished).toBeGreaterThan(1);
    await expectValid(root);
    console.log(JSON.stringify(found));
  }, 60_000);

  it("that may not be written: nothing is sent, and reading says why", async () => {
    const root = copy();
    const run = await start(root, "held", "writable");
    await expectRefusedWhile(root, run, {
      break: () => setMode(root, false),
      mend: () => setMode(root, true),
      words: [["run", "resume", run], startWords(root, "count", "refused")],
      error: /^error: the ledger .*cannot be (made or )?written$/,
      options: isRoot ? { uid: NOBODY, gid: NOBODY } : {},
    });
    await expectValid(root);
  }, 60_000);

  it.each([
    [
      "a receipt whose bytes changed",
      `UPDATE receipts SET payload = CAST(replace(CAST(payload AS TEXT), 'step-executed', 'step-exeCuted') AS BLOB)
       WHERE event = 'step-executed'`,
    ],
    [
      "pinned policies whose bytes changed",
      `UPDATE documents SET bytes = CAST(replace(CAST(bytes AS TEXT), 'forbid', 'permit') AS BLOB)
       WHERE CAST(bytes AS TEXT) LIKE '%"kind":"PolicySet"%'`,
    ],
  ])(
    "with a damaged row: %s",
    async (_name, sql) => {
      const root = copy();
      const run = await start(root, "held", "row");
      const whole = readFileSync(ledgerOf(root));
      await expectRefusedWhile(root, run, {
        break() {
          const db = new DatabaseSync(ledgerOf(root));
          db.exec(sql);
          db.close();
        },
        mend: () => writeFileSync(ledgerOf(root), whole),
        words: [["run", "resume", run]],
        error: /^error: the ledger is damaged: (receipt \d+ of `run:|document `sha256:)/,
      });
    },
    60_000,
  );

  it("with damaged pages", async () => {
    const root = copy();
    const run = await start(root, "held", "pages");
    const whole = readFileSync(ledgerOf(root));
    const damaged = Buffer.from(whole);
    for (let at = 4096; at < damaged.length; at += 4096) damaged.fill(0xff, at, at + 64);
    await expectRefusedWhile(root, run, {
      break: () => writeFileSync(ledgerOf(root), damaged),
      mend: () => writeFileSync(ledgerOf(root), whole),
      words: [
        ["run", "resume", run],
        ["run", "show", run],
        ["bundle", "export", run, "-o", join(root, "x.tar")],
      ],
      error: /^error: the ledger is damaged or is not a ledger$/,
    });
  }, 60_000);

  interface Fault {
    break(): void;
    mend(): void;
    /** Command lines that meet the fault. */
    readonly words: readonly (readonly string[])[];
    readonly error: RegExp;
    readonly options?: SpawnOptions;
  }

  /** A fault is refused with one error, sends nothing, and loses nothing. */
  async function expectRefusedWhile(root: string, run: string, fault: Fault): Promise<void> {
    const sent = server.seen.length;
    fault.break();
    try {
      for (const words of fault.words) {
        const at = words.includes("-C") ? [] : ["-C", root];
        expectOneError(await witnessops([...words, ...at], fault.options), fault.error);
      }
      const doctor = await witnessops(["doctor", "-C", root], fault.options);
      expect([doctor.status, /"what":"ledger","state":"fault"/.test(doctor.stdout)], doctor.stdout).toEqual([
        1,
        true,
      ]);
    } finally {
      fault.mend();
    }
    expect(server.seen.length).toBe(sent);
    const resumed = await witnessops(["run", "resume", run, "-C", root]);
    const { state, steps } = viewOf(resumed);
    expect([resumed.status, state]).toEqual([3, "waiting"]);
    expect(steps.map(({ outcome }) => outcome)).toEqual([...Array(8).fill("executed"), "paused"]);
    expect(server.seen.length).toBe(sent);
    expectRecorded(root);
  }

  /** A workspace of its own for one test. */
  function copy(): string {
    copies += 1;
    const root = join(made.folder, `copy-${copies}`);
    cpSync(made.root, root, { recursive: true });
    return root;
  }

  async function start(root: string, runbook: string, path: string): Promise<string> {
    const started = await witnessops(startWords(root, runbook, path));
    expect(started.status, started.stderr).toBe(3);
    return viewOf(started).run;
  }

  /** What the server saw of this workspace's runs was dispatched before, and unsafe calls came once. */
  function expectRecorded(root: string): void {
    const store = openSqliteStore(ledgerOf(root));
    try {
      expect(store.checkIntegrity()).toEqual([]);
      const dispatched = new Set(
        store
          .runs()
          .flatMap(({ run }) => store.dispatches(run).map(({ invocation }) => idempotencyKey(invocation))),
      );
      for (const { key, path, method } of server.seen) {
        if (!path.includes(`-${copies}/`)) continue;
        expect(dispatched.has(key), `${path} was never dispatched`).toBe(true);
        if (method === "POST") expect(server.by(key).length, path).toBe(1);
      }
    } finally {
      store.close();
    }
  }

  /** Every run of the workspace is proved by its bundle. */
  async function expectValid(root: string): Promise<void> {
    const bundle = join(root, "runs.tar");
    const exported = await witnessops(["bundle", "export", ...allRuns(root), "-o", bundle, "-C", root]);
    expect(exported.status, exported.stderr).toBe(0);
    const verified = await witnessops(["verify", bundle, "--trust", join(made.folder, "trust.json")]);
    expect([(JSON.parse(verified.stdout) as Report).verdict, verified.status]).toEqual(["valid", 0]);
  }

  /** Starts a run whose calls carry the path and the number of the workspace's copy. */
  function startWords(root: string, runbook: string, path: string): string[] {
    const base = `base=${server.base}/${path}-${copies}`;
    return ["run", "start", runbook, "--input", base, "--engagement", "local", "--as", "olga", "-C", root];
  }
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line, under a limit on the size of files when one is given: POSIX counts it in blocks of 512 bytes. */
function witnessops(
  words: readonly string[],
  { kilobytes, ...options }: SpawnOptions & { kilobytes?: number } = {},
): Promise<Ended> {
  const [file, args] =
    kilobytes === undefined
      ? [program, [...words, "--json"]]
      : ["sh", ["-c", `ulimit -f ${2 * kilobytes}; exec "$0" "$@"`, program, ...words, "--json"]];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    const out = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        out[name] += text;
      });
    }
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...out }));
  });
}

function expectOneError({ status, stderr }: Ended, error: RegExp): void {
  const lines = stderr.split("\n").filter((line) => /^(error|hint): /.test(line));
  expect(
    lines.map((line) => line.split(":", 1)[0]),
    stderr,
  ).toEqual(["error", "hint"]);
  expect(lines[0]).toMatch(error);
  expect(stderr).not.toMatch(/^\s+at .+:\d+|internal fault/m);
  expect(status).toBe(1);
}

function viewOf({ stdout, stderr }: Ended): RunView {
  expect(stdout, stderr).not.toBe("");
  return JSON.parse(stdout) as RunView;
}

function ledgerOf(root: string): string {
  return join(root, ".witnessops", "ledger.sqlite");
}

function allRuns(root: string, openOnly = false): string[] {
  const store = openSqliteStore(ledgerOf(root));
  try {
    return store.runs({ openOnly }).map(({ run }) => run);
  } finally {
    store.close();
  }
}

const openRuns = (root: string): string[] => allRuns(root, true);

/** Gives the workspace to a user who is not root, writable or not. */
function setMode(root: string, isWritable: boolean): void {
  for (const path of [
    root,
    ...globSync("**", { cwd: root }).map((name) => join(root, name)),
    ...hidden(root),
  ]) {
    const { mode } = statSync(path);
    chmodSync(path, isWritable ? mode | 0o200 : mode & ~0o222);
    if (isRoot) chownSync(path, isWritable ? 0 : NOBODY, isWritable ? 0 : NOBODY);
  }
  if (isRoot) chmodSync(join(root, ".."), isWritable ? 0o700 : 0o755);
}

function hidden(root: string): string[] {
  const folder = join(root, ".witnessops");
  return [folder, ...globSync("**", { cwd: folder }).map((name) => join(folder, name))];
}
