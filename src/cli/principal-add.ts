import { rmSync } from "node:fs";
import { join } from "node:path";
import { parsePrincipal } from "../contract/parse-principal.ts";
import { principalKinds, roles } from "../contract/vocabulary.ts";
import { publicKeyText } from "../format/public-key.ts";
import { recordPrincipalAdded } from "../run/record-governance.ts";
import { createKeyFile } from "../store/key-file.ts";
import { choice, choices } from "./choice.ts";
import { usage } from "./cli-error.ts";
import { argument, defineCommand, flag, option, repeatedOption, requiredOption } from "./command.ts";
import { exit } from "./exit.ts";
import { withLane } from "./open-lane.ts";
import { principalText } from "./principal-text.ts";
import { publicKeyFrom } from "./public-key-option.ts";
import { writeNewFile } from "./write-file.ts";

export const command = defineCommand({
  parameters: {
    id: argument("id of the principal"),
    name: requiredOption("--name <text>", "full name"),
    type: option("--type <type>", "human (default), agent or service"),
    role: repeatedOption("--role <role>", "operator, approver, owner or system; may be given again"),
    email: option("--email <address>", "e-mail address"),
    publicKey: option("--public-key <key>", "public key file or base64 text of the key they hold"),
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
      const held = given.publicKey === undefined ? undefined : publicKeyFrom(given.publicKey);
      const key = local
        ? createKeyFile(join(lane.root, ".witnessops", "keys", `principal-${id}.pem`)).publicKey
        : held;
      const keys = key === undefined ? [] : [{ key, custody: local ? "local" : "held" } as const];
      const text = principalText({ id, type, name, email, roles: chosen, keys });
      const principal = parsePrincipal(text, { file: `principals/${id}.yaml` });
      writeNewFile(path, text);
      try {
        definitions.principals();
        await recordPrincipalAdded(lane, definitions.workspace().owner, principal);
      } catch (error) {
        rmSync(path);
        throw error;
      }
      return {
        exit: exit.done,
        json: { principal, keyId: key?.keyId, publicKey: key && publicKeyText(key) },
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
