import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Envelope } from "../format/dsse.ts";
import { parseSshPublicKey } from "../format/ssh-public-key.ts";
import { unarmorSshSignature } from "../format/sshsig.ts";
import { SSH_NAMESPACES } from "../format/statement.ts";
import { notFound, refused } from "./cli-error.ts";

/** An SSH key that signs through the `ssh-keygen` of the person's own machine. */
export interface SshSigner {
  readonly keyId: string;
  sign(payload: Uint8Array, payloadType: string): Promise<Envelope>;
}

const MAX_OUTPUT = 64 * 1024;

/**
 * Opens an SSH key to sign with: a private key file with its `.pub` beside it, or a `.pub` alone, whose private half
 * ssh-agent or a security key holds. The private key is never read here: `ssh-keygen` asks for its passphrase, the
 * agent or a touch.
 *
 * @throws CliError `NOT_FOUND`, `REFUSED`; FormatError for a key that does not count.
 */
export function openSshKey(path: string): SshSigner {
  const publicPath = path.endsWith(".pub") ? path : `${path}.pub`;
  if (!existsSync(publicPath))
    throw notFound(`there is no \`${publicPath}\``, `ssh-keygen -y -f ${path} > ${publicPath}`);
  const [type = "", base64 = ""] = readFileSync(publicPath, "utf8").slice(0, 8192).trim().split(/\s+/);
  const { keyId } = parseSshPublicKey(`${type} ${base64}`);
  return {
    keyId,
    async sign(payload, payloadType) {
      const namespace = SSH_NAMESPACES.get(payloadType);
      if (namespace === undefined) throw new TypeError(`no SSH namespace for ${payloadType}`);
      const armored = await sshSign(path, namespace, payload);
      const sig = unarmorSshSignature(armored);
      if (sig === undefined) throw refused("`ssh-keygen` printed no signature", "use OpenSSH 8.2 or later");
      return { payloadType, payload, signature: { keyId, sig } };
    },
  };
}

function sshSign(key: string, namespace: string, message: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    // Standard error stays the person's terminal: it is there that a passphrase or a touch is asked for.
    const child = spawn("ssh-keygen", ["-Y", "sign", "-n", namespace, "-f", key], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT) child.kill();
      else chunks.push(chunk);
    });
    child.on("error", (cause) =>
      reject(
        Object.assign(
          refused("`ssh-keygen` cannot be started", "install OpenSSH, or sign with `--key <file>`"),
          { cause },
        ),
      ),
    );
    child.on("close", (status) => {
      if (status === 0) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(refused(`\`ssh-keygen\` did not sign with \`${key}\``, "ssh-add -l"));
    });
    // A child that ended early closes the pipe; its status says why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(message);
  });
}
