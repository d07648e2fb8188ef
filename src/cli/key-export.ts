import { publicKeyText } from "../format/public-key.ts";
import { publicKeyPem, readPublicKeyFile } from "../store/key-file.ts";
import { argument, defineCommand, flag } from "./command.ts";
import { exit } from "./exit.ts";
import { passphrase } from "./passphrase.ts";

export const command = defineCommand({
  parameters: {
    path: argument("a private or public key file"),
    pem: flag("--pem", "as PEM instead of the base64 text that documents carry"),
  },
  example: "key export ~/.witnessops/ana.pem --pem",
  async run({ path, pem }) {
    const key = readPublicKeyFile(path, { passphrase: passphrase() });
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
