import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { publicKeyText } from "../format/public-key.ts";
import { createKeyFile, keyAlgorithms, publicKeyPem } from "../store/key-file.ts";
import { choice } from "./choice.ts";
import { refused } from "./cli-error.ts";
import { argument, defineCommand, option } from "./command.ts";
import { exit } from "./exit.ts";
import { passphrase } from "./passphrase.ts";

export const command = defineCommand({
  parameters: {
    path: argument("where to write the private key; `<path>.pub` gets the public half"),
    algorithm: option("--algorithm <name>", "ed25519 (default) or p256"),
  },
  example: "key new ~/.witnessops/ana.pem",
  async run({ path, algorithm = "ed25519" }) {
    const chosen = choice("--algorithm", algorithm, keyAlgorithms);
    const publicPath = `${path}.pub`;
    if (existsSync(publicPath)) {
      throw refused(
        `there is already a file at \`${publicPath}\``,
        "name another path: nothing is overwritten",
      );
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const encrypted = passphrase() !== undefined;
    const { publicKey } = createKeyFile(path, { passphrase: passphrase(), algorithm: chosen });
    writeFileSync(publicPath, publicKeyPem(publicKey), { flag: "wx" });
    const { keyId } = publicKey;
    const json = {
      path,
      publicPath,
      keyId,
      algorithm: chosen,
      publicKey: publicKeyText(publicKey),
      encrypted,
    };
    return {
      exit: exit.done,
      json,
      print(out) {
        out.pairs([
          ["private key", `${path} (mode 600${encrypted ? ", encrypted" : ", not encrypted"})`],
          ["public key", publicPath],
          ["algorithm", chosen],
          ["fingerprint", keyId],
        ]);
      },
    };
  },
});
