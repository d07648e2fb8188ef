import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { publicKeyText } from "../format/public-key.ts";
import { createKeyFile, publicKeyPem } from "../store/key-file.ts";
import { refused } from "./cli-error.ts";
import { argument, defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { passphrase } from "./passphrase.ts";

export const command = defineCommand({
  parameters: { path: argument("where to write the private key; `<path>.pub` gets the public half") },
  example: "key new ~/.witnessops/ana.pem",
  async run({ path }) {
    const publicPath = `${path}.pub`;
    if (existsSync(publicPath)) {
      throw refused(
        `there is already a file at \`${publicPath}\``,
        "name another path: nothing is overwritten",
      );
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const encrypted = passphrase() !== undefined;
    const { publicKey } = createKeyFile(path, { passphrase: passphrase() });
    writeFileSync(publicPath, publicKeyPem(publicKey), { flag: "wx" });
    const json = { path, publicPath, keyId: publicKey.keyId, publicKey: publicKeyText(publicKey), encrypted };
    return {
      exit: exit.done,
      json,
      print(out) {
        out.pairs([
          ["private key", `${path} (mode 600${encrypted ? ", encrypted" : ", not encrypted"})`],
          ["public key", publicPath],
          ["fingerprint", publicKey.keyId],
        ]);
      },
    };
  },
});
