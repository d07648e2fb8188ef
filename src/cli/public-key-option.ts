import { existsSync, readFileSync } from "node:fs";
import { parsePublicKey, publicKeyText } from "../format/public-key.ts";
import { isSshKeyText, parseSshPublicKey, sshPublicKeyText } from "../format/ssh-public-key.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import { usage } from "./cli-error.ts";
import { passphrase } from "./passphrase.ts";

/** A public key as documents carry it. */
export interface KeyText {
  readonly keyId: string;
  readonly publicKey: string;
  readonly isSsh?: boolean;
}

/**
 * A principal's public key from the command line: the text that documents carry, a key file, or an SSH `.pub` file,
 * whose comment is left out.
 *
 * @throws CliError `USAGE`; FormatError, KeyFileError.
 */
export function principalKeyFrom(text: string): KeyText {
  if (isSshKeyText(text)) return sshKey(text);
  if (/^[A-Za-z0-9+/]{40,}=*$/.test(text) && !existsSync(text)) {
    const key = parsePublicKey(text);
    return { keyId: key.keyId, publicKey: publicKeyText(key) };
  }
  const line = existsSync(text) ? readFileSync(text, "utf8").slice(0, 8192).trim() : "";
  if (isSshKeyText(line)) return sshKey(line);
  if (line.startsWith("-----BEGIN OPENSSH PRIVATE KEY-----"))
    throw usage(`\`${text}\` is a private key of SSH`, `name its public half: \`${text}.pub\``);
  const key = readPublicKeyFile(text, { passphrase: passphrase() });
  return { keyId: key.keyId, publicKey: publicKeyText(key) };
}

function sshKey(line: string): KeyText {
  const [type = "", base64 = ""] = line.split(/\s+/);
  const key = parseSshPublicKey(`${type} ${base64}`);
  return { keyId: key.keyId, publicKey: sshPublicKeyText(key), isSsh: true };
}
