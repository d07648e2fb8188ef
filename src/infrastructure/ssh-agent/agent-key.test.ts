// The client of ssh-agent against OpenSSH's own agent, and against sockets that are none.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../../../scripts/need-program.ts";
import { verifySignature } from "../../format/crypto.ts";
import { sshPublicKeyFromBlob } from "../../format/ssh-public-key.ts";
import { concatBytes, sshString } from "../../format/ssh-wire.ts";
import { armorSshSignature, verifySshSignature } from "../../format/sshsig.ts";
import { openAgentKey } from "./agent-key.ts";

const missing = needProgram("ssh-agent", "openssh-client");
if (missing !== undefined) console.log(missing);
const message = new TextEncoder().encode("what is signed");
const NAMESPACE = "approval.v1@witnessops.dev";
const code = (wanted: string) => expect.objectContaining({ code: wanted });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-agent-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing !== undefined)("keys in ssh-agent", () => {
  let agent: ChildProcess;
  let socket: string;
  const env = () => ({ ...process.env, SSH_AUTH_SOCK: socket });
  const fingerprint = (name: string): string =>
    execFileSync("ssh-keygen", ["-lf", join(folder, name)], { encoding: "utf8" }).split(" ")[1] ?? "";

  beforeAll(async () => {
    socket = join(folder, "agent.sock");
    agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
    await new Promise((resolve) => agent.stdout?.once("data", resolve));
    for (const [name, ...type] of [
      ["ed", "-t", "ed25519"],
      ["p256", "-t", "ecdsa", "-b", "256"],
      ["p384", "-t", "ecdsa", "-b", "384"],
      ["rsa", "-t", "rsa", "-b", "3072"],
      ["small", "-t", "rsa", "-b", "2048"],
    ]) {
      execFileSync("ssh-keygen", ["-q", "-N", "", "-C", name ?? "", "-f", join(folder, name ?? ""), ...type]);
      execFileSync("ssh-add", ["-q", join(folder, name ?? "")], { env: env(), stdio: "ignore" });
    }
  }, 60_000);
  afterAll(() => void agent.kill());

  it.each(["ed", "p256", "p384", "rsa"])(
    "signs statements as SSHSIG (%s), as ssh-keygen agrees",
    async (name) => {
      const key = await openAgentKey(fingerprint(name), { socket });
      const signature = await key.signSsh(NAMESPACE, message);
      expect(await verifySshSignature(key.key, NAMESPACE, message, signature)).toEqual({ ok: true });
      expect((await verifySshSignature(key.key, "git", message, signature)).ok).toBe(false);
      writeFileSync(join(folder, "signature"), armorSshSignature(signature));
      const check = ["-Y", "check-novalidate", "-n", NAMESPACE, "-s", join(folder, "signature")];
      const said = execFileSync("ssh-keygen", check, { input: message, encoding: "utf8" });
      expect(said).toContain(`Good "${NAMESPACE}" signature`);
    },
  );

  it.each(["ed", "p256"])("signs as a plain key does (%s)", async (name) => {
    const signer = (await openAgentKey(fingerprint(name), { socket })).plain();
    const signature = await signer.sign(message);
    expect(await verifySignature(signer.publicKey, message, signature)).toBe(true);
    // And by the id that the key has as a plain one.
    const again = await openAgentKey(signer.publicKey.keyId, { socket });
    expect(again.plain().publicKey.keyId).toBe(signer.publicKey.keyId);
  });

  it("makes no plain signatures with keys of other kinds", async () => {
    const key = await openAgentKey(fingerprint("p384"), { socket });
    expect(() => key.plain()).toThrow(code("AGENT_KEY_UNKNOWN"));
  });

  it("does not know a key that is not in it, and none that counts for nothing", async () => {
    for (const id of ["SHA256:nobody", fingerprint("small")])
      await expect(openAgentKey(id, { socket })).rejects.toThrow(code("AGENT_KEY_UNKNOWN"));
  });

  it("says so when the agent is locked, lost the key, or disappears", async () => {
    const key = await openAgentKey(fingerprint("ed"), { socket });
    const signer = key.plain();
    execFileSync("ssh-add", ["-q", "-d", join(folder, "ed.pub")], { env: env(), stdio: "ignore" });
    await expect(signer.sign(message)).rejects.toThrow(code("AGENT_REFUSED"));
    agent.kill("SIGKILL");
    await new Promise((resolve) => agent.once("exit", resolve));
    await expect(signer.sign(message)).rejects.toThrow(code("AGENT_ABSENT"));
    await expect(key.signSsh(NAMESPACE, message)).rejects.toThrow(code("AGENT_ABSENT"));
  });
});

describe("what answers in place of an agent", () => {
  const blob = concatBytes(sshString("ssh-ed25519"), sshString(new Uint8Array(32).fill(7)));
  const fingerprint = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const identities = concatBytes(Uint8Array.of(12, 0, 0, 0, 1), sshString(blob), sshString("x"));
  let server: Server;
  let made = 0;
  const listen = async (answer: Uint8Array | "hang" | "close"): Promise<string> => {
    const socket = join(folder, `fake-${made++}.sock`);
    server = createServer((connection) => {
      connection.on("error", () => undefined);
      if (answer === "close") connection.once("data", () => connection.destroy());
      else if (answer !== "hang") connection.once("data", () => connection.write(answer));
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    return socket;
  };
  afterEach(() => void server?.close());

  it.each<[string, Uint8Array | "hang" | "close"]>([
    ["hangs", "hang"],
    ["breaks off", "close"],
    ["announces nothing", Uint8Array.of(0, 0, 0, 0)],
    ["announces gigabytes", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 12)],
    ["says more than it announced", Uint8Array.of(0, 0, 0, 1, 12, 0, 0)],
    ["answers something else", sshString(Uint8Array.of(6))],
    ["claims keys that it does not list", sshString(Uint8Array.of(12, 0, 0, 0, 9))],
    ["claims a billion keys", sshString(Uint8Array.of(12, 0x40, 0, 0, 0))],
    ["adds bytes after its list", sshString(concatBytes(identities, Uint8Array.of(0)))],
  ])("fails closed when it %s", async (_what, answer) => {
    const socket = await listen(answer);
    await expect(openAgentKey(fingerprint, { socket, timeout: 300 })).rejects.toThrow(code("AGENT_FAILED"));
  });

  it("is not there", async () => {
    for (const socket of [join(folder, "nothing.sock"), ""])
      await expect(async () => openAgentKey(fingerprint, { socket })).rejects.toThrow(code("AGENT_ABSENT"));
  });

  it("is refused when it signs with another key than it was asked for", async () => {
    const socket = join(folder, `fake-${made++}.sock`);
    const format = concatBytes(sshString("ssh-ed25519"), sshString(new Uint8Array(64).fill(1)));
    server = createServer((connection) =>
      connection.once("data", (request: Buffer) =>
        connection.write(
          request[4] === 11
            ? sshString(identities)
            : sshString(concatBytes(Uint8Array.of(14), sshString(format))),
        ),
      ),
    );
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const key = await openAgentKey(sshPublicKeyFromBlob(blob).keyId, { socket });
    await expect(key.signSsh(NAMESPACE, message)).rejects.toThrow(code("SIGNATURE_WRONG"));
    await expect(key.plain().sign(message)).rejects.toThrow(code("SIGNATURE_WRONG"));
  });
});
