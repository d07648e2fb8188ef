import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keyFromName } from "../../test/fixtures/sample-bundle.ts";
import { SampleLog } from "../../test/fixtures/sample-log.ts";
import { addCheckpointBytes } from "../format/add-checkpoint.ts";
import { noteKeyOf, noteKeyTypes } from "../format/signed-note.ts";
import { openWitnessRecord } from "../store/witness-record.ts";
import { createWitnessServer, type WitnessEvent } from "./witness-server.ts";

const signer = keyFromName("witness");
const key = noteKeyOf("witness.example/one", signer.publicKey, noteKeyTypes.cosignature);
const origin = "log.example/acme";
let folder: string;
let server: Server;
let base: string;
let record: ReturnType<typeof openWitnessRecord>;
let events: WitnessEvent[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-witness-"));
  record = openWitnessRecord(join(folder, "cosigned.sqlite"), { create: true });
  events = [];
  const logs = [new SampleLog(origin).key, new SampleLog("log.example/other").key];
  const witness = { key, signer, logs, record, perMinute: 5 };
  server = createWitnessServer(witness, (event) => events.push(event));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  vi.useRealTimers();
  server.close();
  server.closeAllConnections();
  record.close();
  rmSync(folder, { recursive: true, force: true });
});

async function post(body: Uint8Array | string, path = "/add-checkpoint") {
  const response = await fetch(`${base}${path}`, { method: "POST", body: Buffer.from(body) });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}
async function add(log: SampleLog, oldSize: number, proof = log.consistencyProof(oldSize, log.size)) {
  return post(addCheckpointBytes(oldSize, oldSize === 0 ? [] : proof, await log.note()));
}
const conflict = (size: number) => ({ status: 409, type: "text/x.tlog.size", text: `${size}\n` });

describe("a witness", () => {
  it("cosigns a log as it grows, and what it cosigned again", async () => {
    const log = new SampleLog(origin).grow(3);
    expect(await add(log, 0)).toMatchObject({ status: 200 });
    log.grow(8);
    const answer = await add(log, 3);
    expect(answer.status).toBe(200);
    expect(await add(log, 11, [])).toMatchObject({ status: 200 });
    expect(record.last()).toMatchObject([{ origin, size: 11 }]);
    // By the words of C2SP tlog-cosignature and nothing of ours.
    const [, name, base64 = ""] = /^— (\S+) (\S+)\n$/u.exec(answer.text) ?? [];
    const blob = Buffer.from(base64, "base64");
    expect([name, blob.subarray(0, 4).toString("hex")]).toEqual([key.name, key.id]);
    const time = Number(blob.readBigUInt64BE(4));
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(5);
    const [text] = new TextDecoder().decode(await log.note()).split("\n\n");
    const spki = createPublicKey({ key: Buffer.from(signer.publicKey.spki), format: "der", type: "spki" });
    expect(
      verify(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}\n`), spki, blob.subarray(12)),
    ).toBe(true);
  });

  it("names the size it knows, whatever is claimed", async () => {
    const log = new SampleLog(origin).grow(5);
    expect(await add(log, 2)).toEqual(conflict(0));
    await add(log, 0);
    expect(await add(log.grow(4), 0)).toEqual(conflict(5));
    expect(await add(log, 4)).toEqual(conflict(5));
  });

  it("refuses a log that shrinks, forks or was rewritten, and keeps the fork", async () => {
    const log = new SampleLog(origin).grow(5);
    await add(log, 0);
    expect(await add(log.at(3), 3, [])).toEqual(conflict(5));
    expect(await add(log.at(3), 0)).toEqual(conflict(5));
    expect((await add(log.at(3), 5, [])).status).toBe(400);
    const fork = log.at(3).grow(2, "another");
    expect(await add(fork, 5, [])).toEqual(conflict(5));
    expect(record.forks()).toMatchObject([{ origin, size: 5 }]);
    expect(Buffer.from(record.forks()[0]?.note ?? [])).toEqual(Buffer.from(await fork.note()));
    fork.grow(4);
    expect((await add(fork, 5)).status).toBe(422);
    expect((await add(fork, 5, [])).status).toBe(422);
    expect(record.last()).toMatchObject([{ origin, size: 5 }]);
    expect(events.map(({ kind }) => kind)).toEqual(["cosigned", "fork", "inconsistent", "inconsistent"]);
    expect((await add(log.grow(2), 5)).status).toBe(200);
  });

  it("refuses proofs that are none", async () => {
    const log = new SampleLog(origin).grow(5);
    const proof = new SampleLog(origin).grow(9).consistencyProof(5, 9);
    expect((await post(addCheckpointBytes(0, proof, await log.note()))).status).toBe(422);
    await add(log, 0);
    log.grow(4);
    expect((await add(log, 5, proof.slice(1))).status).toBe(422);
    expect((await add(log, 5, [...proof, ...proof])).status).toBe(422);
    expect(
      (
        await add(
          log,
          5,
          proof.map((hash) => hash.map((byte) => byte ^ 1)),
        )
      ).status,
    ).toBe(422);
    expect((await add(log, 5, proof)).status).toBe(200);
    expect((await add(log, 9, proof)).status).toBe(422);
  });

  it("takes an empty log, and no other root of nothing", async () => {
    const log = new SampleLog(origin);
    expect((await add(log, 0)).status).toBe(200);
    expect((await add(log.grow(1), 0)).status).toBe(200);
  });

  it("refuses logs and signatures that it does not know", async () => {
    expect((await add(new SampleLog("log.example/unknown").grow(1), 0)).status).toBe(404);
    const forged = new SampleLog(origin, [], keyFromName("mallory")).grow(1);
    expect((await add(forged, 0)).status).toBe(403);
    const other = new SampleLog("log.example/other").grow(1);
    const text = new TextDecoder().decode(await other.note());
    // The other log's line under this log's origin, and with this log's name and key id.
    expect((await post(`old 0\n\n${text.replace("log.example/other\n", `${origin}\n`)}`)).status).toBe(403);
    const own = new SampleLog(origin).grow(1);
    const [body] = new TextDecoder().decode(await own.note()).split("\n\n");
    const line = text.split("\n\n")[1] ?? "";
    expect((await post(`old 0\n\n${body}\n\n${line.replace("log.example/other", origin)}`)).status).toBe(403);
    expect(record.last()).toEqual([]);
  });

  it("refuses what is malformed", async () => {
    const note = new TextDecoder().decode(await new SampleLog(origin).grow(7).note());
    for (const body of [
      "",
      "old 0",
      `old 00\n\n${note}`,
      `old 0\n${note}`,
      `old 0\n\n${note.replace("\n7\n", "\n07\n")}`,
      `old 0\n\n${note.replace("\n7\n", "\n7\nextension\n").replace(/\n—/, "\n\n—")}`,
      `old 0\n\n${note.slice(0, -1)}`,
      `old 0\n${"A".repeat(43)}=\n`.repeat(70),
    ])
      expect([body.slice(0, 20), (await post(body)).status]).toEqual([body.slice(0, 20), 400]);
    expect((await post("x", "/elsewhere")).status).toBe(404);
    expect((await fetch(`${base}/add-checkpoint`)).status).toBe(405);
  });

  it("refuses huge and slow bodies", async () => {
    const huge = await post(new Uint8Array(200_000)).catch((error: Error) => error);
    expect(huge instanceof Error || huge.status === 413).toBe(true);
    const { port } = server.address() as AddressInfo;
    const chunked = connect(port, "127.0.0.1");
    chunked.on("error", () => undefined);
    chunked.write("POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    const flood = setInterval(() => chunked.write(`4000\r\n${"a".repeat(0x4000)}\r\n`), 5);
    const [first] = (await once(chunked, "data")) as [Buffer];
    clearInterval(flood);
    chunked.destroy();
    expect(first.toString()).toContain("413");
    const slow = connect(port, "127.0.0.1");
    slow.write("POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nold 0\n");
    const [late] = (await once(slow, "data")) as [Buffer];
    expect(late.toString()).toContain("408");
    slow.destroy();
  }, 20_000);

  it("bounds how often one log grows, and not how often another does", async () => {
    const log = new SampleLog(origin);
    for (let n = 0; n < 5; n++) expect((await add(log.grow(1), n)).status).toBe(200);
    expect((await add(log.grow(1), 5)).status).toBe(429);
    expect((await add(new SampleLog("log.example/other").grow(1), 0)).status).toBe(200);
  });

  it("is not made to talk, or to write, by whoever holds a checkpoint that everybody has", async () => {
    const log = new SampleLog(origin).grow(5);
    await add(log, 0);
    const fork = log.at(3).grow(2, "another");
    const larger = log.at(3).grow(9, "another");
    for (let n = 0; n < 20; n++) {
      expect((await add(log, 5, [])).status).toBe(200);
      expect((await add(fork, 5, [])).status).toBe(409);
      expect((await add(larger, 5, [])).status).toBe(422);
    }
    const times = (wanted: string) => events.filter(({ kind }) => kind === wanted).length;
    expect([times("cosigned"), times("fork"), times("inconsistent")]).toEqual([1, 5, 5]);
  });

  it("does not begin anew with a record that was emptied or damaged", () => {
    record.close();
    const path = join(folder, "cosigned.sqlite");
    for (const bytes of ["", "x".repeat(5_000)]) {
      writeFileSync(path, bytes);
      expect(() => openWitnessRecord(path)).toThrow(expect.objectContaining({ code: "STORE_CORRUPT" }));
    }
    rmSync(path);
    record = openWitnessRecord(path, { create: true });
  });

  it("says nothing while its clock is behind what it signed", async () => {
    const log = new SampleLog(origin).grow(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    expect((await add(log, 0)).status).toBe(200);
    vi.useRealTimers();
    expect((await add(log.grow(1), 1)).status).toBe(503);
    expect(record.last()).toMatchObject([{ size: 1 }]);
  });

  it("lets no two of many requests at once win", async () => {
    const log = new SampleLog(origin).grow(4);
    await add(log, 0);
    const forks = Array.from({ length: 12 }, (_, n) => log.at(4).grow(n + 1, `fork ${n}`));
    const answers = await Promise.all(forks.map((fork) => add(fork, 4)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(11);
  });
});
