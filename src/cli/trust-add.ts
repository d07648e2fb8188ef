import type { Trust } from "../contract/trust.ts";
import { principalKinds, roles } from "../contract/vocabulary.ts";
import { choice, choices } from "./choice.ts";
import { refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { principalKeyFrom } from "./public-key-option.ts";
import { printTrust, readTrust, writeTrust } from "./trust-file.ts";
import { addNoteKey } from "./trust-note-key.ts";
import { trustedKeys } from "./trusted-keys.ts";

export const command = defineCommand({
  parameters: {
    path: argument("the trust file"),
    publicKey: option(
      "--public-key <key>",
      "public key file or text, obtained from its holder; SSH keys for principals only",
    ),
    issuerRoot: option("--issuer-root <name>", "the key may certify issuer keys of this workspace"),
    principal: option("--principal <id>", "the key speaks for this principal"),
    type: option("--type <type>", "human (default), agent or service"),
    role: repeatedOption("--role <role>", "operator, approver, owner or system; may be given again"),
    custody: option("--custody <custody>", "held (default) or local"),
    log: option("--log <note key>", "a transparency log, `<origin>+<id>+<key>`, obtained from its operator"),
    checkpoint: option("--checkpoint <file>", "with `--log`: a checkpoint of it that you have seen"),
    witness: option("--witness <note key>", "a witness, `<name>+<id>+<key>`, obtained from its operator"),
    quorum: option("--quorum <n>", "how many of the witnesses must have cosigned (default: all)"),
  },
  example: "trust add trust.json --principal ana --role owner --public-key ana.pem.pub",
  async run(given) {
    const { path, issuerRoot, principal, publicKey: keyText } = given;
    if (given.log !== undefined || given.witness !== undefined || given.quorum !== undefined) {
      if (keyText !== undefined || issuerRoot !== undefined || principal !== undefined)
        throw usage("a log or a witness has a note key of its own", "add it by itself");
      const { trust, added } = await addNoteKey(readTrust(path), given);
      const written = writeTrust(path, trust, { isNew: false });
      return {
        exit: exit.done,
        json: { path, trust: written, added },
        print: (out) => printTrust(out, path, written),
      };
    }
    if ((issuerRoot === undefined) === (principal === undefined)) {
      throw usage(
        "name one of `--issuer-root`, `--principal`, `--log` and `--witness`",
        "witnessops trust add --help",
      );
    }
    if (given.checkpoint !== undefined) throw usage("`--checkpoint` goes with `--log`");
    if (keyText === undefined) throw usage("`--public-key` is missing", "witnessops trust add --help");
    const before = readTrust(path);
    const key = principalKeyFrom(keyText);
    if (issuerRoot !== undefined && key.isSsh)
      throw refused("an SSH key certifies no issuer keys", "name the workspace's issuer root key");
    const known = trustedKeys(before).find(({ keyId }) => keyId === key.keyId);
    if (known !== undefined) {
      throw refused(
        `the key ${key.keyId} already stands for \`${known.holder}\``,
        "one key speaks for one holder: ask for another key",
      );
    }
    const { publicKey } = key;
    const trust: Trust =
      issuerRoot !== undefined
        ? { ...before, issuerRoots: [...before.issuerRoots, { name: issuerRoot, publicKey }] }
        : addPrincipal(before, {
            id: principal as string,
            type: choice("--type", given.type ?? "human", principalKinds),
            roles: choices("--role", given.role, roles),
            keys: [{ publicKey, custody: choice("--custody", given.custody ?? "held", ["held", "local"]) }],
          });
    const written = writeTrust(path, trust, { isNew: false });
    return {
      exit: exit.done,
      json: { path, trust: written, added: key.keyId },
      print: (out) => printTrust(out, path, written),
    };
  },
});

type TrustedPrincipal = Trust["principals"][number];

/** A further key of somebody already trusted joins theirs. */
function addPrincipal(trust: Trust, added: TrustedPrincipal): Trust {
  const known = trust.principals.find(({ id }) => id === added.id);
  if (known === undefined) {
    if (added.roles.length === 0) throw usage("a principal needs a role", "add `--role owner` or another");
    return { ...trust, principals: [...trust.principals, added] };
  }
  const merged: TrustedPrincipal = {
    ...known,
    roles: [...new Set([...known.roles, ...added.roles])],
    keys: [...known.keys, ...added.keys],
  };
  return { ...trust, principals: trust.principals.map((one) => (one === known ? merged : one)) };
}
