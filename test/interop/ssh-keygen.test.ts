// The real `ssh-keygen` and `ssh-agent` sign, and what they signed counts here; what is bent after that does not. And
// what we accept, `ssh-keygen -Y verify` accepts.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../scripts/need-program.ts";
import {
  parseSshPublicKey,
  type SshPublicKey,
  sshPublicKeyFromBlob,
} from "../../src/format/ssh-public-key.ts";
import { concatBytes, sshString } from "../../src/format/ssh-wire.ts";
import { armorSshSignature, unarmorSshSignature, verifySshSignature } from "../../src/format/sshsig.ts";

const missing = needProgram("ssh-keygen", "openssh-client");
if (missing !== undefined) console.log(missing);

const NAMESPACE = "approval.v1@witnessops.dev";
const message = new TextEncoder().encode('{"decision":"approve"}');
const TYPES: readonly (readonly [string, string])[] = [
  ["ed25519", "256"],
  ["ecdsa", "256"],
  ["ecdsa", "384"],
  ["ecdsa", "521"],
  ["rsa", "3072"],
  ["rsa", "4096"],
];
let folder: string;

function keyFile(type: string, bits: string): string {
  return join(folder, `${type}-${bits}`);
}

function makeKey(type: string, bits: string, path = keyFile(type, bits)): string {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-b", bits, "-N", "", "-C", "a comment", "-f", path]);
  return path;
}

function readPublic(path: string): SshPublicKey {
  const [type, base64] = readFileSync(`${path}.pub`, "utf8").split(" ");
  return parseSshPublicKey(`${type} ${base64}`);
}

function signWith(path: string, { namespace = NAMESPACE, args = [] as string[], env = process.env } = {}) {
  const armored = execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, ...args, "-f", path], {
    input: message,
    env,
    stdio: ["pipe", "pipe", "ignore"],
  }).toString();
  return unarmorSshSignature(armored) ?? expect.fail(armored);
}

/** Whether `ssh-keygen -Y verify` accepts a signature. */
function peerAccepts(key: string, signature: Uint8Array): boolean {
  const signers = join(folder, "allowed_signers");
  const sig = join(folder, "signature");
  writeFileSync(signers, `ben namespaces="${NAMESPACE}" ${key}\n`);
  writeFileSync(sig, armorSshSignature(signature));
  const args = ["-Y", "verify", "-f", signers, "-I", "ben", "-n", NAMESPACE, "-s", sig];
  return spawnSync("ssh-keygen", args, { input: message }).status === 0;
}

describe.skipIf(missing !== undefined)("SSH signatures", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "witnessops-ssh-"));
    for (const [type, bits] of TYPES) makeKey(type, bits);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(TYPES)("of %s, %s bits, count, and with either hash", async (type, bits) => {
    const path = keyFile(type, bits);
    const key = readPublic(path);
    const listed = execFileSync("ssh-keygen", ["-l", "-f", `${path}.pub`]).toString();
    expect(listed.split(" ")[1]).toBe(key.keyId);
    for (const hash of ["sha256", "sha512"]) {
      const signature = signWith(path, { args: ["-O", `hashalg=${hash}`] });
      expect(await verifySshSignature(key, NAMESPACE, message, signature)).toEqual({ ok: true });
      expect(peerAccepts(readFileSync(`${path}.pub`, "utf8").trim(), signature)).toBe(true);
    }
  });

  it("through ssh-agent count, with the public half alone", async () => {
    const path = makeKey("ed25519", "256", join(folder, "in-agent"));
    const socket = join(folder, "agent.sock");
    const agent = execFileSync("ssh-agent", ["-a", socket]).toString();
    const pid = Number(/SSH_AGENT_PID=([0-9]+)/.exec(agent)?.[1]);
    try {
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync("ssh-add", ["-q", path], { env, stdio: "ignore" });
      rmSync(path);
      const signature = signWith(`${path}.pub`, { env });
      expect(await verifySshSignature(readPublic(path), NAMESPACE, message, signature)).toEqual({ ok: true });
    } finally {
      process.kill(pid);
    }
  });

  it("for another purpose, by another key or over other bytes do not count", async () => {
    const path = keyFile("ed25519", "256");
    const key = readPublic(path);
    const signature = signWith(path);
    const other = readPublic(keyFile("ecdsa", "256"));
    const checked = (...args: Parameters<typeof verifySshSignature>) =>
      verifySshSignature(...args).then((result) => (result.ok ? "ok" : result.reason));
    expect(await checked(key, NAMESPACE, message, signWith(path, { namespace: "git" }))).toBe("namespace");
    expect(await checked(key, "resolution.v1@witnessops.dev", message, signature)).toBe("namespace");
    expect(await checked(other, NAMESPACE, message, signature)).toBe("key");
    expect(await checked(key, NAMESPACE, concatBytes(message, message), signature)).toBe("signature");
    expect(await checked(key, NAMESPACE, message, signature.subarray(0, -1))).toBe("malformed");
    expect(await checked(key, NAMESPACE, message, concatBytes(signature, Uint8Array.of(0)))).toBe(
      "malformed",
    );
    expect(await checked(key, NAMESPACE, message, new Uint8Array(1 << 20))).toBe("malformed");
    expect(await checked(key, NAMESPACE, message, new Uint8Array())).toBe("malformed");
  });

  it("of small RSA keys, certificates and DSA are refused as keys", () => {
    const small = makeKey("rsa", "1024");
    expect(() => readPublic(small)).toThrow(/1024 bits/);
    const path = keyFile("ed25519", "256");
    execFileSync("ssh-keygen", ["-q", "-s", keyFile("rsa", "3072"), "-I", "ben", "-n", "ben", `${path}.pub`]);
    const [type, base64] = readFileSync(`${path}-cert.pub`, "utf8").split(" ");
    expect(() => parseSshPublicKey(`${type} ${base64}`)).toThrow(/certificate/);
    rmSync(`${path}-cert.pub`);
    const dsa = concatBytes(sshString("ssh-dss"), sshString(Uint8Array.of(1)));
    expect(() => sshPublicKeyFromBlob(dsa)).toThrow(/neither/);
  });

  it("with rsa and SHA-1 are refused", async () => {
    const key = readPublic(keyFile("rsa", "3072"));
    const signature = craft(key, sshString("ssh-rsa"), sshString(new Uint8Array(384)));
    expect(await verifySshSignature(key, NAMESPACE, message, signature)).toMatchObject({
      reason: "algorithm",
    });
  });

  it.each(["ed25519", "ecdsa"] as const)(
    "of a security key (%s) need the touch of its user",
    async (kind) => {
      const { key, text, signed } = securityKey(kind);
      for (const [flags, expected] of [
        [1, { ok: true }],
        [5, { ok: true }],
        [0, { ok: false, reason: "user-not-present" }],
        [4, { ok: false, reason: "user-not-present" }],
      ] as const) {
        expect(await verifySshSignature(key, NAMESPACE, message, signed(flags))).toEqual(expected);
        // OpenSSH looks at the touch only where `verify-required` is said: we are stricter.
        expect(peerAccepts(text, signed(flags))).toBe(true);
      }
    },
  );

  it("with any bit flipped do not count", async () => {
    const path = keyFile("ecdsa", "256");
    const key = readPublic(path);
    const signature = signWith(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length * 8 - 1), async (bit) => {
        const bent = Uint8Array.from(signature);
        bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect((await verifySshSignature(key, NAMESPACE, message, bent)).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

/** An SSHSIG with any inner signature. */
function craft(key: SshPublicKey, ...inner: Uint8Array[]): Uint8Array {
  return concatBytes(
    new TextEncoder().encode("SSHSIG"),
    Uint8Array.of(0, 0, 0, 1),
    sshString(key.blob),
    sshString(NAMESPACE),
    sshString(""),
    sshString("sha512"),
    sshString(concatBytes(...inner)),
  );
}

/** A security key in software: it signs what the hardware would (OpenSSH PROTOCOL.u2f). */
function securityKey(kind: "ed25519" | "ecdsa") {
  const type = kind === "ed25519" ? "sk-ssh-ed25519@openssh.com" : "sk-ecdsa-sha2-nistp256@openssh.com";
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = pair.publicKey.export({ format: "der", type: "spki" });
  const point = kind === "ed25519" ? spki.subarray(-32) : spki.subarray(-65);
  const parts = kind === "ed25519" ? [sshString(point)] : [sshString("nistp256"), sshString(point)];
  const key = sshPublicKeyFromBlob(concatBytes(sshString(type), ...parts, sshString("ssh:")));
  const sha = (name: string, bytes: Uint8Array | string) => createHash(name).update(bytes).digest();
  const covered = concatBytes(
    new TextEncoder().encode("SSHSIG"),
    sshString(NAMESPACE),
    sshString(""),
    sshString("sha512"),
    sshString(sha("sha512", message)),
  );
  const signed = (flags: number): Uint8Array => {
    const tail = Uint8Array.of(flags, 0, 0, 0, 7);
    const bytes = concatBytes(sha("sha256", "ssh:"), tail, sha("sha256", covered));
    if (kind === "ed25519")
      return craft(key, sshString(type), sshString(sign(null, bytes, pair.privateKey)), tail);
    const raw = sign("sha256", bytes, { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
    const blob = concatBytes(mpint(raw.subarray(0, 32)), mpint(raw.subarray(32)));
    return craft(key, sshString(type), sshString(blob), tail);
  };
  return { key, text: `${type} ${Buffer.from(key.blob).toString("base64")}`, signed };
}

function mpint(unsigned: Uint8Array): Uint8Array {
  const start = unsigned.findIndex((byte) => byte !== 0);
  const short = unsigned.subarray(start);
  return sshString((short[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), short) : short);
}
