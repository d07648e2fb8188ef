import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import { makeKey, noSshServer, startSshServer } from "../ssh-server.ts";
import type { LiveSystem } from "./live-system.ts";

const ACCOUNT = "witnessops-live";

/** OpenSSH's server on loopback, and a repository with one signed commit behind it. */
export const openssh: LiveSystem = {
  name: "OpenSSH and git (Debian)",
  contracts: [
    "git.commit-signature",
    "git.refs",
    "ssh.account-state",
    "ssh.authorized-keys",
    "ssh.disable-account",
    "ssh.host-facts",
    "ssh.listening-sockets",
  ],
  missing: () =>
    noSshServer ??
    needProgram("git", "git") ??
    needProgram("ss", "iproute2") ??
    (process.getuid?.() === 0 ? undefined : "skipped: needs root, who may see the state of accounts"),
  async start(folder) {
    const home = join(folder, "home");
    mkdirSync(join(home, ".ssh"), { recursive: true });
    const theirs = makeKey(join(folder, "theirs"));
    writeFileSync(join(home, ".ssh", "authorized_keys"), `# laptop\n${theirs.publicKey}\n`);
    const server = await startSshServer([], `useradd --no-create-home --home-dir '${home}' ${ACCOUNT}`);
    const at = { host: "127.0.0.1", port: server.port, user: server.user, hostKeys: [server.hostKey] };
    const path = join(folder, "remote");
    const signer = makeKey(join(folder, "signer"));
    mkdirSync(path);
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "gpg.format=ssh"];
    const sign = ["-c", `user.signingKey=${join(folder, "signer")}`];
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", path, ...who, ...sign, ...args], { encoding: "utf8" }).trim();
    git("init", "--quiet", "--initial-branch=main");
    git("commit", "--quiet", "--allow-empty", "-S", "-m", "a");
    const commit = git("rev-parse", "HEAD");
    const allowedSigners = [`t@example.com ${signer.publicKey}`];
    const kernel = execFileSync("uname", ["-srm"], { encoding: "utf8" }).trim();
    return {
      secrets: { "env:SSH_PRIVATE_KEY": server.key },
      close: () => server.close(),
      calls: {
        "git.commit-signature": {
          inputs: { ...at, path, commit, allowedSigners },
          outputs: { state: "good", principal: "t@example.com", key: signer.fingerprint },
        },
        "git.refs": { inputs: { ...at, path }, outputs: { head: "refs/heads/main" } },
        "ssh.account-state": { inputs: { ...at, account: "nobody" }, outputs: { expires: "never" } },
        "ssh.authorized-keys": {
          inputs: { ...at, account: ACCOUNT },
          outputs: { keys: [theirs.publicKey] },
        },
        "ssh.disable-account": { inputs: { ...at, account: ACCOUNT }, outputs: { account: ACCOUNT } },
        "ssh.host-facts": { inputs: at, outputs: { kernel, hostKey: server.fingerprint } },
        "ssh.listening-sockets": { inputs: at, outputs: {} },
      },
    };
  },
};
