import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeCertificate } from "../local-servers.ts";
import { makeKey } from "../ssh-server.ts";
import type { LiveSystem } from "./live-system.ts";

/** A key of GnuPG that signs a file. @param folder where file, signature and keyring go. @returns its fingerprint. */
function signWithGnupg(folder: string): string {
  const home = join(folder, "gnupg");
  mkdirSync(home, { mode: 0o700 });
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", "--homedir", home, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  try {
    gpg("--passphrase", "", "--quick-gen-key", "Release <release@shop.test>", "ed25519", "sign", "1d");
    writeFileSync(join(folder, "release.tar"), "the release\n");
    gpg("--armor", "--output", join(folder, "release.tar.asc"), "--detach-sign", join(folder, "release.tar"));
    gpg("--output", join(folder, "keys.gpg"), "--export");
    return /^fpr:+([0-9A-F]{40}):/m.exec(gpg("--with-colons", "--list-keys"))?.[1] ?? "";
  } finally {
    execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]);
  }
}

export const fileTools: LiveSystem = {
  name: "GnuPG, OpenSSL, OpenSSH and file (Debian), on files of the workspace",
  contracts: [
    "file.type",
    "gnupg.verify-signature",
    "openssl.certificate",
    "openssl.verify-certificate",
    "ssh-keygen.fingerprints",
  ],
  missing: () =>
    needProgram("gpg", "gnupg") ??
    needProgram("gpgv", "gpgv") ??
    needProgram("openssl", "openssl") ??
    needProgram("ssh-keygen", "openssh-client") ??
    needProgram("file", "file"),
  async start(home) {
    const folder = join(home, "files");
    mkdirSync(folder);
    const fingerprint = signWithGnupg(folder);
    const { cert } = await makeCertificate("shop.test");
    writeFileSync(join(folder, "shop.pem"), cert);
    const seen = new X509Certificate(cert);
    const key = makeKey(join(folder, "id"));
    writeFileSync(join(folder, "authorized_keys"), `# till\nrestrict,pty ${key.publicKey} till 1 (old)\n`);
    return {
      close: () => undefined,
      calls: {
        "file.type": {
          inputs: { path: "files/shop.pem" },
          outputs: { mediaType: "text/plain", charset: "us-ascii" },
        },
        "gnupg.verify-signature": {
          inputs: {
            path: "files/release.tar",
            signature: "files/release.tar.asc",
            keyring: "files/keys.gpg",
          },
          outputs: { state: "good", fingerprint, signatures: 1, signers: ["Release <release@shop.test>"] },
        },
        "openssl.certificate": {
          inputs: { path: "files/shop.pem" },
          outputs: {
            subject: "CN=shop.test",
            serial: seen.serialNumber,
            fingerprint: `sha256:${seen.fingerprint256.replaceAll(":", "").toLowerCase()}`,
            selfIssued: true,
            names: "DNS:shop.test, IP Address:127.0.0.1",
            authority: true,
          },
        },
        "openssl.verify-certificate": {
          inputs: { path: "files/shop.pem", roots: "files/shop.pem", host: "pay.test" },
          outputs: { trusted: false, reason: "62 at 0 depth lookup: hostname mismatch" },
        },
        "ssh-keygen.fingerprints": {
          inputs: { path: "files/authorized_keys" },
          outputs: {
            keys: [{ bits: 256, fingerprint: key.fingerprint, comment: "till 1 (old)", type: "ED25519" }],
            count: 1,
          },
        },
      },
    };
  },
};
