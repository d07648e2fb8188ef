// Logs and witnesses as processes of their own: the real command serves, the real client asks, over loopback.
import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cosignatureTime, cosignText } from "../src/format/cosignature.ts";
import {
  type NoteKey,
  noteKeyOf,
  noteKeyText,
  noteKeyTypes,
  parseSignedNote,
  signatureLine,
} from "../src/format/signed-note.ts";
import { openWitnesses } from "../src/infrastructure/witness/http-witnesses.ts";
import { anchorOf } from "../src/verifier/anchor.ts";
import { countWitnesses } from "../src/verifier/witnesses.ts";
import { keyFromName, sampleTrust } from "./fixtures/sample-bundle.ts";
import { SampleLog } from "./fixtures/sample-log.ts";
import { makeWitness, startWitness, type WitnessProcess } from "./fixtures/witness-process.ts";

const origin = "log.example/acme";
let folder: string;
let running: WitnessProcess[];
let closing: { close(): unknown }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-witnesses-"));
  running = [];
  closing = [];
});
afterEach(async () => {
  for (const one of closing) one.close();
  for (const one of running) await one.kill();
  rmSync(folder, { recursive: true, force: true });
}, 20_000);

async function witness(name: string, logs: readonly NoteKey[] = [new SampleLog(origin).key]) {
  const at = join(folder, name);
  const key = makeWitness(at, `witness.example/${name}`, logs);
  return restarted({ folder: at, key });
}
async function restarted({ folder: at, key }: Pick<WitnessProcess, "folder" | "key">) {
  const started = await startWitness(at, key);
  running.push(started);
  return started;
}
function client(endpoints: readonly { key: NoteKey; url: string }[], options = {}) {
  const opened = openWitnesses(endpoints, options);
  closing.push(opened);
  return opened;
}
/** A server that answers what a test says: the witnesses that are wrong. */
async function wrong(answer: (body: string) => { status: number; type?: string; text: string } | undefined) {
  const seen: string[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      seen.push(body);
      const made = answer(body);
      if (made === undefined) return;
      response.writeHead(made.status, { "content-type": made.type ?? "text/plain", location: "/elsewhere" });
      response.end(made.text);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push({
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
  const key = noteKeyOf("witness.example/wrong", keyFromName("wrong").publicKey, noteKeyTypes.cosignature);
  return { key, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe("witnesses", () => {
  it("cosign what a reviewer then counts, and others can check", async () => {
    const both = [await witness("one"), await witness("two")];
    const asking = client(both);
    const log = new SampleLog(origin).grow(3);
    const first = await asking.cosign(await log.request());
    expect([first.enough, first.missing]).toEqual([true, []]);
    const second = await asking.cosign(await log.grow(300).request());
    expect(second.by.toSorted()).toEqual(["witness.example/one", "witness.example/two"]);
    const note = parseSignedNote(second.note);
    expect(note.signatures).toHaveLength(3);
    const trust = sampleTrust({ witnesses: both.map(({ key }) => ({ key: noteKeyText(key) })) });
    const counted = await countWitnesses(note, anchorOf(trust));
    expect(counted.names).toHaveLength(2);
    expect(Math.abs((counted.reachedAt ?? 0) - Date.now())).toBeLessThan(10_000);
    // By the words of C2SP tlog-cosignature and nothing of ours.
    const [text, lines = ""] = new TextDecoder().decode(second.note).split("\n\n");
    for (const line of lines.trimEnd().split("\n").slice(1)) {
      const [, name, base64 = ""] = line.split(" ");
      const blob = Buffer.from(base64, "base64");
      const key = both.find((one) => one.key.name === name)?.key.key.spki ?? new Uint8Array();
      const spki = createPublicKey({ key: Buffer.from(key), format: "der", type: "spki" });
      const message = `cosignature/v1\ntime ${blob.readBigUInt64BE(4)}\n${text}\n`;
      expect(verify(null, Buffer.from(message), spki, blob.subarray(12))).toBe(true);
    }
  }, 60_000);

  it("catch up with a client that knows nothing of them, and lose no cosignature that was there", async () => {
    const one = await witness("one");
    const log = new SampleLog(origin).grow(5);
    const first = await client([one]).cosign(await log.request());
    log.grow(20);
    const again = await client([one]).cosign(await log.request());
    expect(again.enough).toBe(true);
    const same = await client([one]).cosign({ ...(await log.request()), note: again.note });
    expect(parseSignedNote(same.note).signatures).toHaveLength(2);
    expect(parseSignedNote(first.note).signatures).toHaveLength(2);
  }, 60_000);

  it("find an operator who rewrote the log", async () => {
    const one = await witness("one");
    const log = new SampleLog(origin).grow(9);
    const asking = client([one]);
    await asking.cosign(await log.request());
    const forked = { code: "LOG_FORKED" };
    // Of the same size, and larger; by a client that was there before, and by a new one.
    for (const rewritten of [log.at(4).grow(5, "rewritten"), log.at(4).grow(9, "rewritten")])
      for (const who of [asking, client([one])])
        await expect(who.cosign(await rewritten.request())).rejects.toMatchObject(forked);
    expect((await client([one]).cosign(await log.grow(1).request())).enough).toBe(true);
  }, 60_000);

  it("find a workspace that was restored from a copy, also after it went on", async () => {
    const one = await witness("one");
    const log = new SampleLog(origin).grow(9);
    await client([one]).cosign(await log.request());
    const restored = log.at(4);
    await expect(client([one]).cosign(await restored.request())).rejects.toMatchObject({
      code: "LOG_RESTORED",
      hint: expect.stringContaining("newest copy"),
    });
    await expect(client([one]).cosign(await restored.grow(3, "after").request())).rejects.toMatchObject({
      code: "LOG_RESTORED",
    });
    await expect(client([one]).cosign(await restored.grow(7, "after").request())).rejects.toMatchObject({
      code: "LOG_FORKED",
    });
    // A checkpoint that the log itself has gone beyond is no fault.
    const late = { ...(await log.at(4).request()), currentSize: () => log.size };
    const passed = await client([one]).cosign(late);
    expect([passed.enough, passed.missing[0]?.why]).toEqual([false, "superseded"]);
  }, 60_000);

  it("may be down: the rest is collected, and soon", async () => {
    const [one, two] = [await witness("one"), await witness("two")];
    await two.kill();
    const hangs = await wrong(() => undefined);
    const log = new SampleLog(origin).grow(3);
    const started = performance.now();
    const found = await client([one, two, hangs], { timeoutMs: 1_500 }).cosign(await log.request());
    expect(performance.now() - started).toBeLessThan(4_000);
    expect([found.by, found.enough]).toEqual([["witness.example/one"], false]);
    expect(found.missing.map(({ name, why }) => [name, why]).sort()).toEqual([
      ["witness.example/two", "down"],
      ["witness.example/wrong", "down"],
    ]);
    // With a quorum of one the two are not waited for.
    const quick = performance.now();
    const enough = await client([one, two, hangs], { quorum: 1, timeoutMs: 20_000, graceMs: 100 }).cosign(
      await log.grow(1).request(),
    );
    expect([enough.enough, performance.now() - quick < 3_000]).toEqual([true, true]);
    // One that was down is left alone for a while: the next checkpoint does not wait for it.
    const lasting = client([one, two, hangs], { timeoutMs: 1_000, restMs: 60_000 });
    const partly = await lasting.cosign(await log.request());
    const next = performance.now();
    const later = await lasting.cosign(await log.grow(1).request());
    expect([later.by, performance.now() - next < 500]).toEqual([["witness.example/one"], true]);
    expect([lasting.isEnough(partly.note), client([one]).isEnough(partly.note)]).toEqual([false, true]);
    const back = await restarted(two);
    expect((await client([one, back]).cosign(await log.request())).enough).toBe(true);
  }, 60_000);

  it("are not believed under another key, name or text, nor followed elsewhere", async () => {
    const log = new SampleLog(origin).grow(3);
    const { note } = await log.request();
    const { text } = parseSignedNote(note);
    const signer = keyFromName("wrong");
    const key = noteKeyOf("witness.example/wrong", signer.publicKey, noteKeyTypes.cosignature);
    const mallory = noteKeyOf(key.name, keyFromName("mallory").publicKey, noteKeyTypes.cosignature);
    const line = async (by: NoteKey, over: string, who = "wrong") => {
      return signatureLine(await cosignText(keyFromName(who), by, over, 1_700_000_000));
    };
    const good = await line(key, text);
    const answers: [string, { status: number; type?: string; text: string }, string | undefined][] = [
      ["another key", { status: 200, text: await line(mallory, text, "mallory") }, "wrong"],
      ["another text", { status: 200, text: await line(key, `${text}more\n`) }, "wrong"],
      ["no line", { status: 200, text: "cosigned\n" }, "wrong"],
      ["nothing", { status: 200, text: "" }, "wrong"],
      ["too much", { status: 200, text: good.repeat(2_000) }, "down"],
      ["a redirect", { status: 302, text: good }, "refused"],
      ["no size", { status: 409, text: "3\n" }, "wrong"],
      ["a size with zeros", { status: 409, type: "text/x.tlog.size", text: "03\n" }, "wrong"],
      ["another size each time", { status: 409, type: "text/x.tlog.size", text: "2\n" }, "wrong"],
      ["a refusal", { status: 403, text: "no\n" }, "refused"],
      [
        "a cosignature beside others",
        { status: 200, text: (await line(mallory, text, "mallory")) + good },
        undefined,
      ],
    ];
    for (const [what, answer, why] of answers) {
      const server = await wrong(() => answer);
      const found = await client([server], { timeoutMs: 8_000 }).cosign(await log.request());
      expect([what, found.missing[0]?.why, found.enough]).toEqual([what, why, why === undefined]);
      expect([what, server.seen.length <= 5]).toEqual([what, true]);
      for (const signature of parseSignedNote(found.note).signatures.slice(1))
        expect(await cosignatureTime(text, key, signature)).toBe(1_700_000_000);
    }
  }, 60_000);

  it("go on when nobody reads what they print", async () => {
    const one = await witness("one");
    one.stopReading();
    const asking = client([one]);
    const log = new SampleLog(origin);
    for (let n = 0; n < 3; n++) expect((await asking.cosign(await log.grow(1).request())).enough).toBe(true);
  }, 30_000);

  it("are down when they answer 101, which nobody asked for", async () => {
    const server = createServer();
    server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push({
      close() {
        server.closeAllConnections();
        server.close();
      },
    });
    const key = noteKeyOf("witness.example/wrong", keyFromName("wrong").publicKey, noteKeyTypes.cosignature);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const log = new SampleLog(origin).grow(3);
    const found = await client([{ key, url }], { timeoutMs: 500 }).cosign(await log.request());
    expect(found.missing).toMatchObject([{ name: key.name, why: "down" }]);
  }, 10_000);

  it("are asked over TLS that somebody whom the workspace trusts vouches for", async () => {
    const { cert, private: key } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
    });
    const server = createTlsServer({ cert, key }, (_request, response) =>
      response.writeHead(403).end("no\n"),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push({
      close() {
        server.closeAllConnections();
        server.close();
      },
    });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const signer = keyFromName("wrong").publicKey;
    const endpoint = { key: noteKeyOf("witness.example/tls", signer, noteKeyTypes.cosignature), url };
    const log = new SampleLog(origin).grow(3);
    const distrusted = await client([endpoint]).cosign(await log.request());
    expect(distrusted.missing[0]).toMatchObject({
      why: "down",
      detail: expect.stringContaining("SELF_SIGNED"),
    });
    const trusted = await client([endpoint], { extraCa: cert }).cosign(await log.request());
    expect(trusted.missing[0]?.why).toBe("refused");
  }, 60_000);

  it("cosign one of two forks that come at once to two processes", async () => {
    const first = await witness("one");
    const second = await restarted(first);
    const log = new SampleLog(origin).grow(4);
    await client([first]).cosign(await log.request());
    for (let round = 0; round < 10; round++) {
      const forks = [log.at(log.size).grow(1, `a${round}`), log.at(log.size).grow(1, `b${round}`)];
      const ends = await Promise.allSettled([
        client([first]).cosign(await (forks[0] as SampleLog).request()),
        client([second]).cosign(await (forks[1] as SampleLog).request()),
      ]);
      expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const winner = forks[ends.findIndex(({ status }) => status === "fulfilled")] as SampleLog;
      log.grow(1, winner.size > 0 && winner === forks[0] ? `a${round}` : `b${round}`);
      expect(await winner.note()).toEqual(await log.note());
    }
  }, 60_000);
});

describe("a witness that is killed", () => {
  it("between its record and its answer has signed nothing, and goes on from its record", async () => {
    const at = join(folder, "one");
    const log = new SampleLog(origin).grow(4);
    const key = makeWitness(at, "witness.example/one", [log.key]);
    const program = join(import.meta.dirname, "faults", "killing-witness.ts");
    const killed = await startWitness(at, key, { program });
    running.push(killed);
    const down = await client([killed], { timeoutMs: 2_000 }).cosign(await log.request());
    expect(down.missing[0]?.why).toBe("down");
    const back = await restarted({ folder: at, key });
    // It remembers what it never answered: another tree of that size is a fork, this one is cosigned.
    const fork = log.at(2).grow(2, "other");
    await expect(client([back]).cosign(await fork.request())).rejects.toMatchObject({ code: "LOG_FORKED" });
    expect((await client([back]).cosign(await log.request())).enough).toBe(true);
    expect((await client([back]).cosign(await log.grow(3).request())).enough).toBe(true);
  }, 60_000);
});
