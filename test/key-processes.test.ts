// Which issuer key a process takes: one of its own, certified by the root that holds, and never one that ended.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { certificateValidity, takeIssuerKey } from "../src/cli/issuer-key.ts";
import { finishRotation, issuerRootPath, keysFolder, nextRootPath } from "../src/cli/issuer-root.ts";
import { publicKeyText } from "../src/format/public-key.ts";
import { certifyKey } from "../src/receipt/certify-key.ts";
import { keyStatusRows } from "../src/run/revoked-keys.ts";
import type { Store } from "../src/run/store.ts";
import { createKeyFile, openKeyFile } from "../src/store/key-file.ts";
import { openSqliteStore } from "../src/store/sqlite-store.ts";

const refusedWith = (text: string) =>
  expect.objectContaining({ code: "REFUSED", message: expect.stringContaining(text) });
let root: string;
let store: Store;
let places: { root: string; config: Parameters<typeof takeIssuerKey>[1]["config"] };
let processes = 0;
const owner = () => ({ pid: process.pid, token: `process ${processes++}` });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-keys-"));
  mkdirSync(keysFolder(root), { recursive: true });
  createKeyFile(issuerRootPath(keysFolder(root)));
  store = openSqliteStore(join(root, ".witnessops", "ledger.sqlite"));
  places = { root, config: undefined };
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});

async function take(options: Parameters<typeof takeIssuerKey>[3] = {}) {
  const taker = owner();
  const key = await takeIssuerKey(store, places, taker, options);
  key.certified();
  return { ...key, keyId: key.signer.publicKey.keyId, giveBack: () => store.releaseLease(key.lease, taker) };
}

describe("an issuer key", () => {
  it("is one for each process, and taken again when its process is done", async () => {
    const one = await take();
    const other = await take();
    expect(other.keyId).not.toBe(one.keyId);
    await one.giveBack();
    expect(await take()).toMatchObject({ keyId: one.keyId, fresh: undefined });
  });

  it.each(["retired", "revoked"] as const)("is never taken again once it was %s", async (status) => {
    const one = await take();
    await one.giveBack();
    await store.commit({ status: keyStatusRows([one.keyId], status) });
    const next = await take();
    expect(next.keyId).not.toBe(one.keyId);
    await next.giveBack();
    expect((await take()).keyId).toBe(next.keyId);
  });

  it("is a new one, or another than a given one, when that is wanted", async () => {
    const one = await take();
    await one.giveBack();
    const fresh = await take({ fresh: true });
    expect([fresh.keyId === one.keyId, fresh.fresh === undefined]).toEqual([false, false]);
    await fresh.giveBack();
    expect((await take({ except: one.keyId })).keyId).not.toBe(one.keyId);
  });

  it("is certified by no root but the one that holds, and by none that was revoked", async () => {
    const { keyId } = openKeyFile(issuerRootPath(keysFolder(root))).publicKey;
    await store.commit({ status: [{ subject: "issuer-root", status: "SHA256:another" }] });
    await expect(take()).rejects.toThrow(refusedWith("is not the issuer root of this workspace"));
    await store.commit({ status: [{ subject: "issuer-root", status: keyId }] });
    await store.commit({ status: keyStatusRows([keyId], "revoked") });
    await expect(take()).rejects.toThrow(refusedWith("was revoked"));
  });
});

describe("a root that is held elsewhere", () => {
  it("is asked for a certificate, and nothing is signed before it came", async () => {
    const away = join(root, "away.pem");
    renameSync(issuerRootPath(keysFolder(root)), away);
    const signer = openKeyFile(away);
    places = { root, config: { root: { publicKey: publicKeyText(signer.publicKey) } } };
    for (let n = 0; n < 2; n++)
      await expect(take()).rejects.toThrow(refusedWith("the issuer root is held elsewhere"));
    // One request, for one key, however often it was tried.
    expect(existsSync(join(keysFolder(root), "issuer-2.pem"))).toBe(false);
    const request = JSON.parse(readFileSync(join(keysFolder(root), "issuer-1.request.json"), "utf8"));
    const key = openKeyFile(join(keysFolder(root), "issuer-1.pem")).publicKey;
    expect(request).toMatchObject({ schema: "witnessops/key-request/v1", keyId: key.keyId });

    const validity = certificateValidity(Date.now());
    const stranger = createKeyFile(join(root, "stranger.pem"));
    const forged = await certifyKey(stranger, key, validity);
    await expect(take({ fresh: true, certificate: { keyId: key.keyId, envelope: forged } })).rejects.toThrow(
      refusedWith("is not signed by the issuer root of this workspace"),
    );
    const other = await certifyKey(signer, stranger.publicKey, validity);
    const ofOther = { keyId: stranger.publicKey.keyId, envelope: other };
    await expect(take({ fresh: true, certificate: ofOther })).rejects.toThrow(
      refusedWith("no key of this workspace waits"),
    );

    const certificate = { keyId: key.keyId, envelope: await certifyKey(signer, key, validity) };
    const taken = await take({ fresh: true, certificate });
    expect(taken.keyId).toBe(key.keyId);
    await taken.giveBack();
    expect((await take()).keyId).toBe(key.keyId);
    // Or the root comes for one command.
    expect((await take({ fresh: true, root: signer })).keyId).not.toBe(key.keyId);
  });
});

describe("a rotation of the root that was cut short", () => {
  it("is finished once the ledger has it, and not before", async () => {
    const keys = keysFolder(root);
    const { publicKey } = createKeyFile(nextRootPath(keys));
    finishRotation(store, keys);
    expect(existsSync(nextRootPath(keys))).toBe(true);
    await store.commit({ status: [{ subject: "issuer-root", status: publicKey.keyId }] });
    expect((await take()).fresh).toBeDefined();
    expect(existsSync(nextRootPath(keys))).toBe(false);
    expect(openKeyFile(issuerRootPath(keys)).publicKey.keyId).toBe(publicKey.keyId);
  });
});
