// Signing commands: openssl's own, and hostile ones.
import { execFileSync } from "node:child_process";
import { createPrivateKey, sign as signWith } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import { verifySignature } from "../../format/crypto.ts";
import { type PublicKey, publicKeyFromSpki } from "../../format/public-key.ts";
import { execSigner } from "./exec-signer.ts";

const missing = needProgram("openssl", "openssl");
if (missing !== undefined) console.log(missing);
const message = new TextEncoder().encode("what is signed");
const code = (wanted: string) => expect.objectContaining({ code: wanted });

let folder: string;
const path = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-exec-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing !== undefined)("a signing command", () => {
  let ed: PublicKey;
  let p256: PublicKey;
  const pkeyutl = () => [
    "openssl",
    "pkeyutl",
    "-sign",
    "-rawin",
    "-inkey",
    path("ed.pem"),
    "-in",
    "/dev/stdin",
  ];
  const dgst = () => ["openssl", "dgst", "-sha256", "-sign", path("p256.pem")];

  beforeAll(() => {
    const openssl = (...words: string[]) =>
      execFileSync("openssl", words, { stdio: ["ignore", "pipe", "ignore"] });
    openssl("genpkey", "-algorithm", "ed25519", "-out", path("ed.pem"));
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path("p256.pem"));
    const spki = (name: string) =>
      publicKeyFromSpki(new Uint8Array(openssl("pkey", "-in", path(name), "-pubout", "-outform", "DER")));
    ed = spki("ed.pem");
    p256 = spki("p256.pem");
  });

  it("signs with `openssl pkeyutl -sign` for Ed25519", async () => {
    const signature = await execSigner(pkeyutl(), ed).sign(message);
    expect(signature.length).toBe(64);
    expect(await verifySignature(ed, message, signature)).toBe(true);
  });

  it("signs with `openssl dgst -sha256 -sign` for P-256, and with a digest alone", async () => {
    const onDigest = ["openssl", "pkeyutl", "-sign", "-inkey", path("p256.pem"), "-pkeyopt", "digest:sha256"];
    for (const signer of [execSigner(dgst(), p256), execSigner(onDigest, p256, { input: "digest" })])
      expect(await verifySignature(p256, message, await signer.sign(message))).toBe(true);
    await expect(execSigner(onDigest, p256).sign(message)).rejects.toThrow(code("COMMAND_FAILED"));
  });

  it("takes base64, and the two numbers of ECDSA as they are, and hands on DER", async () => {
    const key = createPrivateKey(readFileSync(path("p256.pem")));
    // Often enough that numbers with leading zeros are among them.
    for (let n = 0; n < 40; n++) {
      const raw = signWith("sha256", message, { key, dsaEncoding: "ieee-p1363" });
      for (const answer of [raw, Buffer.from(`${raw.toString("base64")}\n`)]) {
        writeFileSync(path("answer"), answer);
        if (n > 3 && raw[0] !== 0 && raw[32] !== 0) continue;
        const signature = await execSigner(["cat", path("answer")], p256).sign(message);
        expect(signature[0]).toBe(0x30);
        expect(await verifySignature(p256, message, signature)).toBe(true);
      }
    }
  });

  it("is refused when it signs with another key, or other bytes", async () => {
    await expect(execSigner(dgst(), ed).sign(message)).rejects.toThrow(code("SIGNATURE_WRONG"));
    await expect(execSigner(pkeyutl(), p256).sign(message)).rejects.toThrow(code("SIGNATURE_WRONG"));
    const earlier = await execSigner(pkeyutl(), ed).sign(new TextEncoder().encode("something else"));
    writeFileSync(path("replayed"), earlier);
    await expect(execSigner(["cat", path("replayed")], ed).sign(message)).rejects.toThrow(
      code("SIGNATURE_WRONG"),
    );
  });

  it("is refused when it prints garbage, nothing, or far too much", async () => {
    for (const script of ["printf garbage", "true", "cat"])
      await expect(execSigner(["sh", "-c", script], ed).sign(message)).rejects.toThrow(
        code("SIGNATURE_WRONG"),
      );
    await expect(execSigner(["yes"], ed).sign(message)).rejects.toThrow(
      expect.objectContaining({
        code: "COMMAND_FAILED",
        message: expect.stringContaining("more than 16384 bytes"),
      }),
    );
  });

  it("is ended when it hangs, with what it started", async () => {
    const script = `sh -c 'sleep 3; touch ${path("alive")}' & sleep 30`;
    const began = Date.now();
    await expect(execSigner(["sh", "-c", script], ed, { timeout: 300 }).sign(message)).rejects.toThrow(
      expect.objectContaining({ code: "COMMAND_FAILED", message: expect.stringContaining("within 300 ms") }),
    );
    expect(Date.now() - began).toBeLessThan(2500);
    await delay(3500);
    expect(existsSync(path("alive"))).toBe(false);
  }, 20_000);

  it("says how it failed, without control characters, and that it is not there", async () => {
    const failing = execSigner(["sh", "-c", "printf 'no \\033[31mtoken' >&2; exit 3"], ed);
    await expect(failing.sign(message)).rejects.toThrow("ended with status 3: no [31mtoken");
    for (const words of [[path("nothing")], [""], ["echo", "a\0b"], ["echo", "x".repeat(1 << 20)]])
      await expect(execSigner(words, ed).sign(message)).rejects.toThrow(code("COMMAND_FAILED"));
  });

  it("sees no shell, and not the passphrase of key files", async () => {
    process.env.WITNESSOPS_KEY_PASSPHRASE = "correct horse";
    try {
      const spoken = execSigner(["sh", "-c", 'echo "<$WITNESSOPS_KEY_PASSPHRASE>" >&2; exit 1'], ed);
      await expect(spoken.sign(message)).rejects.toThrow("status 1: <>");
    } finally {
      delete process.env.WITNESSOPS_KEY_PASSPHRASE;
    }
    const literal = execSigner(["echo", "$(id)", ";", "id"], ed);
    await expect(literal.sign(message)).rejects.toThrow(code("SIGNATURE_WRONG"));
  });
});
