import { existsSync } from "node:fs";
import { join } from "node:path";
import { type PublicKey, publicKeyText } from "../format/public-key.ts";
import { publicKeyPem, readPublicKeyFile } from "../store/key-file.ts";
import { notFound } from "./cli-error.ts";
import { argument, type Context, defineCommand, flag } from "./command.ts";
import { exit } from "./exit.ts";
import { agentFingerprint, openSigner } from "./open-signer.ts";
import { passphrase } from "./passphrase.ts";
import { workspaceRoot } from "./workspace-root.ts";

export const command = defineCommand({
  parameters: {
    path: argument("a key file, `agent:<fingerprint>`, or the name of a key of this workspace"),
    pem: flag("--pem", "as PEM instead of the base64 text that documents carry"),
  },
  example: "key export ~/.witnessops/ana.pem --pem",
  async run({ path, pem }, context) {
    const key = await publicKeyOf(path, context);
    const text = pem ? publicKeyPem(key) : `${publicKeyText(key)}\n`;
    return {
      exit: exit.done,
      json: {
        algorithm: key.algorithm,
        keyId: key.keyId,
        publicKey: publicKeyText(key),
        pem: publicKeyPem(key),
      },
      print: (out) => out.bytes(new TextEncoder().encode(text)),
    };
  },
});

async function publicKeyOf(path: string, context: Context): Promise<PublicKey> {
  if (agentFingerprint(path) !== undefined) return (await openSigner(path)).publicKey;
  return readPublicKeyFile(keyPath(path, context), { passphrase: passphrase() });
}

/** A name that `key list` shows stands for the file in the workspace. */
function keyPath(text: string, context: Context): string {
  if (existsSync(text) || !/^[a-z][a-z0-9.-]*$/.test(text) || text.endsWith(".pem")) return text;
  const path = join(workspaceRoot(context), ".witnessops", "keys", `${text}.pem`);
  if (existsSync(path)) return path;
  throw notFound(`the workspace has no key \`${text}\`, and there is no such file`, "witnessops key list");
}
