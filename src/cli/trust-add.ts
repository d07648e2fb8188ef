import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Trust } from "../contract/trust.ts";
import { principalKinds, roles } from "../contract/vocabulary.ts";
import { toBase64 } from "../format/base64.ts";
import { certificatesFromPem } from "../format/pem.ts";
import { millisOf } from "../format/time.ts";
import { readText } from "../store/document-files.ts";
import { choice, choices } from "./choice.ts";
import { notFound, refused, usage } from "./cli-error.ts";
import { argument, defineCommand, option, type Result, repeatedOption } from "./command.ts";
import { exit } from "./exit.ts";
import { principalKeyFrom } from "./public-key-option.ts";
import { certificateId, printTrust, readTrust, writeTrust } from "./trust-file.ts";
import { addNoteKey } from "./trust-note-key.ts";
import { trustedKeys } from "./trusted-keys.ts";

export const command = defineCommand({
  parameters: {
    path: argument("the trust file"),
    compromised: repeatedOption(
      "--compromised <fingerprint=utc>",
      "a key, of whatever kind, that may have been in other hands since then; may be given again",
    ),
    publicKey: option(
      "--public-key <key>",
      "public key file or text, obtained from its holder; SSH keys for principals only",
    ),
    issuerRoot: option("--issuer-root <name>", "the key may certify issuer keys of this workspace"),
    principal: option("--principal <id>", "the key speaks for this principal"),
    timeAuthority: option(
      "--time-authority <name=pem>",
      "tokens that chain to a certificate in this PEM file count, under this name",
    ),
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
    const { path, issuerRoot, principal, compromised, timeAuthority, publicKey: keyText } = given;
    if (compromised.length > 0) return addCompromised(path, compromised, given);
    const isNote = [given.log, given.witness, given.quorum].some((one) => one !== undefined);
    if (isNote || timeAuthority !== undefined) {
      if (keyText !== undefined || issuerRoot !== undefined || principal !== undefined)
        throw usage("a log, a witness or a time authority brings its own keys", "add it by itself");
      if (isNote && timeAuthority !== undefined)
        throw usage("a time authority is neither log nor witness", "add it by itself");
      const before = readTrust(path);
      const { trust, added } =
        timeAuthority === undefined ? await addNoteKey(before, given) : addAuthority(before, timeAuthority);
      const written = writeTrust(path, trust, { isNew: false });
      return {
        exit: exit.done,
        json: { path, trust: written, added },
        print: (out) => printTrust(out, path, written),
      };
    }
    if ((issuerRoot === undefined) === (principal === undefined)) {
      throw usage(
        "name one of `--issuer-root`, `--principal`, `--log`, `--witness` and `--time-authority`",
        "witnessops trust add --help",
      );
    }
    if (given.checkpoint !== undefined) throw usage("`--checkpoint` goes with `--log`");
    if (keyText === undefined) throw usage("`--public-key <key>` is missing", "witnessops trust add --help");
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

/** Notes keys that may have been in other hands; of a key that is noted already, the earlier instant stays. */
function addCompromised(
  path: string,
  pairs: readonly string[],
  given: Readonly<Record<string, unknown>>,
): Result {
  if (given.issuerRoot !== undefined || given.principal !== undefined || given.publicKey !== undefined)
    throw usage("`--compromised` stands alone", "add keys with another command line");
  const before = readTrust(path);
  const noted = new Map((before.compromised ?? []).map(({ keyId, since }) => [keyId, since]));
  for (const pair of pairs) {
    // At the last `=`: base64 has none inside a fingerprint.
    const at = pair.lastIndexOf("=");
    const [keyId, since] = [pair.slice(0, at), pair.slice(at + 1)];
    const instant = millisOf(since);
    if (at < 1 || instant === undefined)
      throw usage(`\`${pair}\` is not \`fingerprint=utc\``, "--compromised SHA256:…=2026-11-27T08:00:00Z");
    const known = noted.get(keyId);
    if (known === undefined || instant < (millisOf(known) ?? Number.POSITIVE_INFINITY))
      noted.set(keyId, since);
  }
  const compromised = [...noted].map(([keyId, since]) => ({ keyId, since }));
  const written = writeTrust(path, { ...before, compromised }, { isNew: false });
  return { exit: exit.done, json: { path, trust: written }, print: (out) => printTrust(out, path, written) };
}

/** Adds a time stamping authority, or further certificates of one. */
function addAuthority(trust: Trust, text: string): { trust: Trust; added: readonly string[] } {
  const at = text.indexOf("=");
  const name = text.slice(0, at);
  const path = text.slice(at + 1);
  if (at < 1 || path === "")
    throw usage(`\`${text}\` is not \`name=file\``, "--time-authority example=root.pem");
  if (!existsSync(path)) throw notFound(`there is no file \`${path}\``, "name a PEM file of certificates");
  const pem = readText(resolve(path), dirname(resolve(path)));
  const certificates = certificatesFromPem(pem).map(({ der }) => toBase64(der));
  const authorities = trust.timeAuthorities ?? [];
  const known = authorities.find((one) => one.name === name);
  const merged = { ...known, name, certificates: [...(known?.certificates ?? []), ...certificates] };
  const others = authorities.filter((one) => one !== known);
  return {
    trust: { ...trust, timeAuthorities: [...others, merged] },
    added: certificates.map((one) => certificateId(one)),
  };
}

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
