import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { needProgram } from "../scripts/need-program.ts";

/** What keeps an OpenSSH server from being started here; undefined when nothing does. */
export const noSshServer = needProgram("/usr/sbin/sshd", "openssh-server");

/** An OpenSSH server of a test: on loopback, with keys of its own, for this user only. */
export interface SshServer {
  readonly port: number;
  readonly user: string;
  /** `<type> <base64>`. */
  readonly hostKey: string;
  /** `SHA256:…`. */
  readonly fingerprint: string;
  /** The private key that is let in. */
  readonly key: string;
  close(): Promise<void>;
}

/**
 * Starts sshd.
 *
 * @param settings lines of sshd_config, which come first and so win.
 * @param prepare shell commands that are run before, in a mount namespace with an `/etc` of its own: what the server's
 *   commands do to accounts, this machine does not see. Needs root.
 */
export async function startSshServer(settings: readonly string[] = [], prepare?: string): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-sshd-"));
  const [host, user] = [makeKey(join(folder, "host")), makeKey(join(folder, "user"))];
  writeFileSync(join(folder, "authorized"), `${user.publicKey}\n`);
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const port = await freePort();
  const lines = [
    ...settings,
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "authorized")}`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "MaxStartups 100",
  ];
  writeFileSync(join(folder, "config"), `${lines.join("\n")}\n`);
  const command = ["/usr/sbin/sshd", "-D", "-e", "-f", join(folder, "config")];
  const [program = "", ...args] =
    prepare === undefined
      ? command
      : ["unshare", "--mount", "sh", "-ec", OWN_ETC, folder, prepare, ...command];
  const server: ChildProcess = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Server listening")) resolve();
    });
    server.once("exit", () => reject(new Error(`sshd did not start: ${said}`)));
  });
  return {
    port,
    user: userInfo().username,
    hostKey: host.publicKey,
    fingerprint: host.fingerprint,
    key: user.privateKey,
    async close() {
      const ended = once(server, "exit");
      server.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const OWN_ETC = `cp -a /etc "$0/etc"
mount --bind "$0/etc" /etc
eval "$1"
shift
exec "$@"`;

/** Makes a key pair with `ssh-keygen`. */
export function makeKey(path: string, type = "ed25519", passphrase = "") {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "", "-f", path]);
  const publicKey = readFileSync(`${path}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
  const shown = execFileSync("ssh-keygen", ["-l", "-f", `${path}.pub`], { encoding: "utf8" });
  return { publicKey, privateKey: readFileSync(path, "utf8"), fingerprint: shown.split(" ")[1] ?? "" };
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
