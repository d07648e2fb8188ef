import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readPublicKeyFile } from "../store/key-file.ts";
import { defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { passphrase } from "./passphrase.ts";
import { workspaceRoot } from "./workspace-root.ts";

export const command = defineCommand({
  parameters: {},
  example: "key list",
  async run(_given, context) {
    const folder = join(workspaceRoot(context), ".witnessops", "keys");
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".pem")) : [];
    const keys = names.sort().map((name) => {
      const { keyId, algorithm } = readPublicKeyFile(join(folder, name), { passphrase: passphrase() });
      return { name: name.slice(0, -".pem".length), keyId, algorithm };
    });
    return {
      exit: exit.done,
      json: { keys },
      print(out) {
        out.table(
          ["key", "algorithm", "fingerprint"],
          keys.map(({ name, algorithm, keyId }) => [name, algorithm, keyId]),
        );
      },
    };
  },
});
