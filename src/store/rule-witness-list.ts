import type { Reporter } from "../contract/document-rules.ts";
import { CodedError } from "../format/coded-error.ts";
import { type NoteKey, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";

/** Names by which a host means itself. */
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/**
 * Reports entries of `log.witnesses` that cannot be meant: a key that is none or not a witness's, a witness that is there
 * twice, an address that others on the way could answer for, and a quorum that cannot be reached.
 */
export function ruleWitnessList(
  to: Reporter,
  witnesses: readonly { readonly key: string; readonly url: string }[],
  quorum: number | undefined,
): void {
  const holders = new Set<string>();
  for (const [index, { key: text, url }] of witnesses.entries()) {
    const at = ["log", "witnesses", index];
    const key = readKey(to, [...at, "key"], text);
    for (const one of key === undefined ? [] : [key.name, key.key.keyId]) {
      if (holders.has(one)) to.report([...at, "key"], "duplicate", `the witness \`${one}\` occurs twice`);
      holders.add(one);
    }
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || parsed.username !== "" || parsed.search !== "" || parsed.hash !== "")
      to.report([...at, "url"], "value", "must be a URL without user, query or fragment");
    // A refusal stops the log and is not signed: it has to come from the witness.
    else if (parsed.protocol !== "https:" && !(parsed.protocol === "http:" && LOOPBACK.test(parsed.hostname)))
      to.report([...at, "url"], "value", "must be `https`; `http` only on this host");
  }
  if (quorum !== undefined && quorum > witnesses.length)
    to.report(["log", "quorum"], "value", `is more than the ${witnesses.length} witnesses`);
}

function readKey(to: Reporter, at: readonly (string | number)[], text: string): NoteKey | undefined {
  try {
    const key = parseNoteKey(text);
    if (key.type === noteKeyTypes.cosignature) return key;
    to.report(at, "value", `\`${key.name}\` is no witness's key: it is of type ${key.type}`);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    to.report(at, "value", error.message);
  }
  return undefined;
}
