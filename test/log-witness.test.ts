// A workspace whose log is witnessed, by the real commands: what its bundles then show, and what becomes of an operator who
// rewrites the log or goes on with an old copy.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256Hex } from "../src/format/crypto.ts";
import { noteKeyText, parseNoteKey, parseSignedNote } from "../src/format/signed-note.ts";
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
  const log = await json<{ key: string; cosigned: string[] }>("log", "checkpoint", "-C", "ws");
  expect(log.cosigned).toEqual([]);
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

  it("is not signed on in a copy that was restored", async () => {
    cpSync(join(folder, "ws"), join(folder, "old"), { recursive: true });
    expect((await work("ws")).status).toBe(0);
    const newest = await json<{ size: number }>("log", "checkpoint", "-C", "ws");
    const published = readFileSync(join(folder, "old", ".witnessops", "log", "checkpoint"), "utf8");
    // The copy has fewer entries than the witness knows, and has not published anything since.
    const caught = await witnessops("log", "checkpoint", "-C", "old");
    const early =
      caught.status === 0 ? await witnessops("engagement", "freeze", "--reason", "x", "-C", "old") : caught;
    expect(early.err).toMatch(/was restored from a copy|cosigned another history/);
    expect(readFileSync(join(folder, "old", ".witnessops", "log", "checkpoint"), "utf8")).toBe(published);
    // Longer than the witness's, and still of another history.
    let ended = await work("old");
    for (let n = 0; n < 3; n++) ended = await work("old");
    expect(ended.status).not.toBe(0);
    const forked = await witnessops("log", "checkpoint", "-C", "old");
    expect([forked.status, forked.err]).toEqual([
      1,
      expect.stringMatching(/cosigned another history|was restored/),
    ]);
    expect(readFileSync(join(folder, "old", ".witnessops", "log", "checkpoint"), "utf8")).toBe(published);
    // The newest copy goes on.
    expect((await work("ws")).status).toBe(0);
    const after = await json<{ size: number; cosigned: string[] }>("log", "checkpoint", "-C", "ws");
    expect([after.size > newest.size, after.cosigned.length]).toEqual([true, 1]);
    expect(existsSync(join(folder, "old", ".witnessops", "log", "tile"))).toBe(true);
    expect(parseNoteKey(second).name).toBe("witness.example/two");
  }, 240_000);
});
