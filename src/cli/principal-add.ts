import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parsePrincipal } from "../contract/parse-principal.ts";
import type { Principal } from "../contract/principal.ts";
import { principalKinds, roles } from "../contract/vocabulary.ts";
import { publicKeyText } from "../format/public-key.ts";
import { recordPrincipalAdded } from "../run/record-governance.ts";
import { createKeyFile } from "../store/key-file.ts";
import { choice, choices } from "./choice.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, repeatedOption, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { principalText } from "./principal-text.ts";
import { type KeyText, principalKeyFrom } from "./public-key-option.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    id: argument("id of the principal"),
    name: requiredOption("--name <text>", "full name"),
    type: option("--type <type>", "human (default), agent or service"),
    role: repeatedOption("--role <role>", "operator, approver, owner or system; may be given again"),
    email: option("--email <address>", "e-mail address"),
    publicKey: option("--public-key <key>", "public key file or text of the key they hold, SSH or not"),
    local: flag("--local", "make a key that this host holds: never counts as independent approval"),
  },
  example: "principal add ben --name 'Ben Okri' --role approver --public-key ben.pem.pub",
  async run(given, context) {
    const { id, name, email, local } = given;
    if (given.role.length === 0) throw usage("a principal needs a role", "add `--role operator` or another");
    if (local && given.publicKey !== undefined) {
      throw usage(
        "`--local` and `--public-key` exclude each other",
        "a key is held by the person or by this host",
      );
    }
    const type = choice("--type", given.type ?? "human", principalKinds);
    const chosen = choices("--role", given.role, roles);
    return withLane(context, async ({ lane, definitions }) => {
      const path = join(lane.root, "principals", `${id}.yaml`);
      if (existsSync(path)) {
        throw refused(
          `there is already a principal \`${id}\``,
          `edit \`principals/${id}.yaml\`, then authorize the engagements again`,
        );
      }
      const held = given.publicKey === undefined ? undefined : principalKeyFrom(given.publicKey);
      const keyPath = join(lane.root, ".witnessops", "keys", `principal-${id}.pem`);
      const describe = (key: KeyText | undefined): { text: string; principal: Principal } => {
        const keys = key === undefined ? [] : [{ ...key, custody: local ? "local" : "held" } as const];
        const text = principalText({ id, type, name, email, roles: chosen, keys });
        return { text, principal: parsePrincipal(text, { file: `principals/${id}.yaml` }) };
      };
      // Every fault but those of the key is found before a key is made.
      describe(held);
      const key = local ? localKey(keyPath) : held;
      const { text, principal } = describe(key);
      try {
        writeNewFile(path, text);
        definitions.principals();
        await recordPrincipalAdded(lane, definitions.workspace().owner, principal);
      } catch (error) {
        rmSync(path, { force: true });
        if (local) rmSync(keyPath);
        throw error;
      }
      return {
        exit: exit.done,
        json: { principal, keyId: key?.keyId, publicKey: key?.publicKey },
        print(out) {
          out.pairs([
            ["principal", id],
            ["file", path],
            ["fingerprint", key?.keyId ?? "no key: cannot sign"],
          ]);
          out.line();
          out.line("engagements pin the principals: an owner has to authorize each one again");
        },
      };
    });
  },
});

function localKey(path: string): KeyText {
  const { publicKey } = createKeyFile(path);
  return { keyId: publicKey.keyId, publicKey: publicKeyText(publicKey) };
}
