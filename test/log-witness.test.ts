// A workspace whose log is witnessed, by the real commands: what its bundles then show, and what becomes of an operator who
// rewrites the log or goes on with an old copy.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256Hex } from "../src/format/crypto.ts";
import { noteKeyText, parseSignedNote } from "../src/format/signed-note.ts";
import { makeWitness, startWitness, type WitnessProcess } from "./fixtures/witness-process.ts";

const execute = promisify(execFile);
const program = join(import.meta.dirname, "..", "witnessops");
let folder: string;
let witness: WitnessProcess;
let second: string;

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}
async function witnessops(...words: string[]): Promise<Ended> {
  return execute(program, words, { cwd: folder }).then(
    ({ stdout, stderr }) => ({ status: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      status: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}
async function json<T>(...words: string[]): Promise<T> {
  const { status, out, err } = await witnessops(...words, "--json");
  if (status !== 0) throw new Error(`${words.join(" ")}: ${err}${out}`);
  return JSON.parse(out) as T;
}
/** One governed run of the workspace in a folder. */
const work = (root: string) =>
  witnessops("call", "mail.triage", "--with", "path=mail.eml", "-C", root, "--json");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-log-witness-"));
  const ws = join(folder, "ws");
  await json("init", "ws", "--owner", "ana", "--owner-key", "ana.pem", "--name", "acme");
  cpSync(
    join(import.meta.dirname, "..", "examples", "messages", "suspicious-invoice.eml"),
    join(ws, "mail.eml"),
  );
  await json("engagement", "new", "mail", "--include", "file:*", "-C", "ws");
  const at = join(folder, "one");
  const key = makeWitness(at, "witness.example/one", []);
  second = noteKeyText(makeWitness(join(folder, "two"), "witness.example/two", []));
  const configured = (url: string) =>
    `log:\n  origin: log.example/acme\n  witnesses:\n    - { key: ${JSON.stringify(noteKeyText(key))}, url: ${JSON.stringify(url)} }\n`;
  const plain = readFileSync(join(ws, "witnessops.yaml"), "utf8");
  // Its witness is down at first: nothing stops.
  writeFileSync(join(ws, "witnessops.yaml"), `${plain}${configured("http://127.0.0.1:9")}`);
  await json("engagement", "authorize", "mail", "--key", "ana.pem", "-C", "ws");
  const log = await json<{ key: string; cosigned: string[]; missing: unknown[] }>(
    "log",
    "checkpoint",
    "-C",
    "ws",
  );
  expect([log.cosigned, log.missing]).toEqual([
    [],
    [{ name: "witness.example/one", why: "down", detail: expect.stringContaining("ECONNREFUSED") }],
  ]);
  const file = join(at, "witness.yaml");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("logs: []", `logs: [{ key: ${JSON.stringify(log.key)} }]`),
  );
  witness = await startWitness(at, key);
  writeFileSync(join(ws, "witnessops.yaml"), `${plain}${configured(witness.url)}`);
  const { publicKey } = await json<{ publicKey: string }>("key", "export", "issuer-root", "-C", "ws");
  for (const words of [
    ["new", "trust.json"],
    ["add", "trust.json", "--issuer-root", "acme", "--public-key", publicKey],
    ["add", "trust.json", "--principal", "ana", "--role", "owner", "--public-key", "ana.pem.pub"],
    ["add", "trust.json", "--log", log.key],
    ["add", "trust.json", "--witness", noteKeyText(key)],
  ])
    await json("trust", ...words);
}, 120_000);

afterAll(async () => {
  await witness?.kill();
  rmSync(folder, { recursive: true, force: true });
});

describe("a log that is witnessed", () => {
  it("is cosigned where it was not, and bounds a run by what was witnessed before it", async () => {
    const first = await json<{ cosigned: string[]; checkpoint: string }>("log", "checkpoint", "-C", "ws");
    expect(first.cosigned).toEqual(["witness.example/one"]);
    const { run } = JSON.parse((await work("ws")).out) as { run: string };
    await json("bundle", "export", run, "-o", "proof", "-C", "ws");
    const lower = readdirSync(join(folder, "proof", "log", "lower"));
    const [name = ""] = lower;
    const bytes = readFileSync(join(folder, "proof", "log", "lower", name));
    expect([lower.length, sha256Hex(bytes)]).toEqual([1, name]);
    expect(bytes.toString()).toBe(first.checkpoint);
    const opened = readFileSync(join(folder, "proof", "receipts", "receipts.ndjson"), "utf8")
      .trimEnd()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(Buffer.from(JSON.parse(line).dsseEnvelope.payload, "base64").toString()).predicate,
      )
      .filter(({ event }) => event === "run-opened");
    expect(opened.map(({ time }) => time.lowerBound)).toEqual([`sha256:${name}`]);
    const head = parseSignedNote(readFileSync(join(folder, "proof", "log", "checkpoint")));
    expect(head.signatures.map((line) => line.name)).toEqual(["log.example/acme", "witness.example/one"]);
    const judged = await json<{ verdict: string }>("verify", "proof", "--trust", "trust.json");
    expect(judged.verdict).toBe("valid");
  }, 120_000);

  it("has too few cosignatures for a reviewer who asks for more", async () => {
    cpSync(join(folder, "trust.json"), join(folder, "strict.json"));
    await json("trust", "add", "strict.json", "--witness", second);
    const judged = await witnessops("verify", "proof", "--trust", "strict.json");
    expect([judged.status, judged.out]).toEqual([
      1,
      expect.stringContaining("FAILURE_WITNESS_QUORUM_UNSATISFIED"),
    ]);
  }, 60_000);

  it("is not signed on in a copy that was restored, nor in one that was rewritten, whoever asks later", async () => {
    cpSync(join(folder, "ws"), join(folder, "old"), { recursive: true });
    expect((await work("ws")).status).toBe(0);
    const newest = await json<{ size: number }>("log", "checkpoint", "-C", "ws");
    const published = () => readFileSync(join(folder, "old", ".witnessops", "log", "checkpoint"), "utf8");
    const before = published();
    // One receipt more than was witnessed when it was copied, and fewer than are now.
    const freeze = await witnessops("engagement", "freeze", "--reason", "copied", "-C", "old");
    expect([freeze.status, freeze.err]).toEqual([0, expect.stringContaining("was restored from a copy")]);
    expect((await witnessops("engagement", "unfreeze", "--reason", "copied", "-C", "old")).status).toBe(0);
    // Another process knows it from the start: nothing more is promised there.
    const refused = await work("old");
    expect([refused.status, refused.out]).toEqual([
      1,
      expect.stringContaining("the log cannot be continued"),
    ]);
    // Nor does it help that the witness is away, or that the copy has become longer than the true one.
    const file = join(folder, "old", "witnessops.yaml");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(witness.url, "http://127.0.0.1:9"));
    for (let n = 0; n < 12; n++)
      await json("engagement", n % 2 === 0 ? "freeze" : "unfreeze", "--reason", "copied", "-C", "old");
    const away = await witnessops("log", "checkpoint", "-C", "old");
    expect([away.status, away.err]).toEqual([1, expect.stringContaining("was restored from a copy")]);
    writeFileSync(file, text);
    const forked = await witnessops("log", "checkpoint", "-C", "old");
    expect([forked.status, forked.err]).toEqual([1, expect.stringContaining("cosigned another history")]);
    expect(published()).toBe(before);
    // The newest copy goes on.
    expect((await work("ws")).status).toBe(0);
    const after = await json<{ size: number; cosigned: string[] }>("log", "checkpoint", "-C", "ws");
    expect([after.size > newest.size, after.cosigned]).toEqual([true, ["witness.example/one"]]);
    // Its operator can do without the witness, and then has no cosignature to show.
    writeFileSync(file, text.replace(/ {2}witnesses:\n.*\n/, ""));
    const { run } = JSON.parse((await work("old")).out) as { run: string };
    await json("bundle", "export", run, "-o", "rewritten", "-C", "old");
    const judged = await witnessops("verify", "rewritten", "--trust", "trust.json");
    expect([judged.status, judged.out]).toEqual([
      1,
      expect.stringContaining("FAILURE_WITNESS_QUORUM_UNSATISFIED"),
    ]);
  }, 240_000);
});
