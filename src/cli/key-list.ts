import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { keyStatus } from "../run/revoked-keys.ts";
import type { Store } from "../run/store.ts";
import { readPublicKeyFile } from "../store/key-file.ts";
import { defineCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { readCertificateFile } from "./issuer-key.ts";
import { withLedger } from "./open-ledger.ts";
import { passphrase } from "./passphrase.ts";

export const command = defineCommand({
  parameters: {},
  example: "key list",
  async run(_given, context) {
    return withLedger(context, (store, root) => {
      const folder = join(root, ".witnessops", "keys");
      const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".pem")) : [];
      const keys = names.sort().map((file) => {
        const { keyId, algorithm } = readPublicKeyFile(join(folder, file), { passphrase: passphrase() });
        const name = file.slice(0, -".pem".length);
        return { name, keyId, algorithm, state: stateOf(store, folder, name, keyId) };
      });
      return {
        exit: exit.done,
        json: { keys },
        print(out) {
          out.table(
            ["key", "algorithm", "state", "fingerprint"],
            keys.map(({ name, algorithm, state, keyId }) => [name, algorithm, state, keyId]),
          );
        },
      };
    });
  },
});

/** What may be said of a key in one column. */
function stateOf(store: Store, folder: string, name: string, keyId: string): string {
  const ended = keyStatus(store, keyId);
  if (ended !== undefined) return ended;
  if (store.status("issuer-root") === keyId) return "certifies";
  if (!name.startsWith("issuer-") || name.startsWith("issuer-root")) return "";
  const certificate = join(folder, `${name}.certificate.json`);
  if (!existsSync(certificate)) return "waits for its certificate";
  return `until ${readCertificateFile(certificate)?.notAfter.slice(0, 10)}`;
}
