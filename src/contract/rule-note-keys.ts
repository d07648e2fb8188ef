import { fromBase64 } from "../format/base64.ts";
import { CodedError } from "../format/coded-error.ts";
import { type NoteKey, type NoteKeyType, noteKeyTypes, parseNoteKey } from "../format/signed-note.ts";
import { type Reporter, ruleUnique, ruleWindow } from "./document-rules.ts";
import type { Path } from "./fault.ts";
import type { Inspection } from "./inspect-document.ts";
import type { Trust } from "./trust.ts";

type Found = readonly [Path, NoteKey];

/**
 * Reports logs and witnesses that a trust file cannot mean: keys that are none or of another type, one key twice, a
 * witness that is the log itself, pinned roots that are no hash, and a quorum that nobody could reach.
 */
export function ruleNoteKeys(trust: Inspection<Trust>): void {
  const logs = trust.items("logs");
  for (const [index, log] of logs) {
    ruleWindow(trust, ["logs", index], log);
    if (log.checkpoint !== undefined && !isHash(log.checkpoint.root))
      trust.report(["logs", index, "checkpoint", "root"], "value", "must be base64 of 32 bytes");
  }
  const logKeys = readKeys(trust, "logs", logs, noteKeyTypes.ed25519);
  ruleUnique(
    trust,
    logKeys.map(([at, { name, id }]) => [at, `${name}+${id}`]),
    "log",
  );
  const witnessKeys = readKeys(trust, "witnesses", trust.items("witnesses"), noteKeyTypes.cosignature);
  // A cosignature does not sign its witness's name: under a second name one key would count twice.
  const holders = new Map(logKeys.map(([, { name, key }]) => [key.keyId, name]));
  for (const [at, { name, key }] of witnessKeys) {
    const holder = holders.get(key.keyId);
    if (holder !== undefined) trust.report(at, "duplicate", `the key belongs to \`${holder}\` already`);
    else holders.set(key.keyId, name);
  }
  const quorum = trust.part("witnessQuorum");
  const names = new Set(witnessKeys.map(([, { name }]) => name)).size;
  // With a witness that cannot be read the number is not known: its own fault says enough.
  const listed = Array.isArray(trust.raw.witnesses) ? trust.raw.witnesses.length : 0;
  if (quorum !== undefined && witnessKeys.length === listed && quorum > names)
    trust.report(["witnessQuorum"], "value", `must not be above the number of witnesses, which is ${names}`);
}

/** The keys that can be read, each with its place; the others are reported. */
function readKeys(
  to: Reporter,
  member: "logs" | "witnesses",
  items: readonly (readonly [number, { readonly key: string }])[],
  type: NoteKeyType,
): Found[] {
  return items.flatMap(([index, { key: text }]): Found[] => {
    const at: Path = [member, index, "key"];
    try {
      const key = parseNoteKey(text);
      if (key.type === type) return [[at, key]];
      const wanted = type === noteKeyTypes.ed25519 ? "1, of a log" : "4, of a witness's cosignatures";
      to.report(
        at,
        "value",
        `\`${key.name}\` is a note key of type ${key.type}; it must be of type ${wanted}`,
      );
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      to.report(at, "value", error.message);
    }
    return [];
  });
}

function isHash(text: string): boolean {
  try {
    return fromBase64(text).length === 32;
  } catch {
    return false;
  }
}
