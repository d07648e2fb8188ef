import { parseSshPublicKey } from "../../format/ssh-public-key.ts";
import { quoteShell } from "./quote-shell.ts";

/** The name under which the pinned keys are known to the client, whatever the host is called. */
export const ALIAS = "target";
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** Pinned host keys as options of OpenSSH's client, and the file that goes with them. */
export interface PinnedHostKeys {
  readonly knownHosts: string;
  readonly options: readonly string[];
}

/**
 * What makes OpenSSH's client accept these host keys and no other. Public keys are known hosts, and no other type is
 * agreed to. Of fingerprints the type is not known: a command of a POSIX shell compares the key that the server prefers.
 *
 * @param keys `<type> <base64>` or `SHA256:<base64>` each. Undefined when one is neither.
 */
export function pinHostKeys(keys: readonly string[]): PinnedHostKeys | undefined {
  const fingerprints = keys.filter((key) => FINGERPRINT.test(key));
  const publicKeys: { type: string; text: string; keyId: string }[] = [];
  for (const text of keys.filter((key) => !FINGERPRINT.test(key))) {
    try {
      const { type, keyId } = parseSshPublicKey(text);
      publicKeys.push({ type, text, keyId });
    } catch {
      return undefined;
    }
  }
  if (fingerprints.length === 0) {
    const types = publicKeys.map(({ type }) => (type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type));
    return {
      knownHosts: publicKeys.map(({ text }) => `${ALIAS} ${text}\n`).join(""),
      options: [`HostKeyAlgorithms=${[...new Set(types)].join(",")}`],
    };
  }
  const pinned = [...fingerprints, ...publicKeys.map(({ keyId }) => keyId)];
  const script = 'key=$1; type=$2; blob=$3; shift 3; for pin; do if [ "$pin" = "$key" ]; then '
    .concat(`echo "${ALIAS} $type $blob"; fi; done`)
    .replaceAll("%", "%%");
  const compare = `/bin/sh -c ${quoteShell([script])} sh %f %t %K ${pinned.join(" ")}`;
  // No certificates: they are not pinned, and the client logs what a server wrote into them.
  const types = "HostKeyAlgorithms=-*-cert-*";
  return { knownHosts: "", options: [types, `KnownHostsCommand=${compare}`] };
}
