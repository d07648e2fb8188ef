import { cosignatureTime } from "../format/cosignature.ts";
import type { SignedNote } from "../format/signed-note.ts";
import type { Anchor } from "./anchor.ts";
import type { Findings } from "./layer.ts";

/** What witnesses whom the reviewer trusts say of a checkpoint. */
export interface Witnessed {
  /** Names of the distinct witnesses whose cosignatures hold. */
  readonly names: readonly string[];
  /** Names of those of whom a cosignature does not verify. */
  readonly failed: readonly string[];
  /** Names of those whose key is listed as compromised: they are not counted. */
  readonly compromised: readonly string[];
  /** Signature lines of keys that the reviewer lists as no witness, those in the log's own name aside. */
  readonly unknown: number;
  /**
   * When the quorum was reached, in milliseconds since the epoch: what the checkpoint holds was there by then. As long
   * as fewer than the quorum lie, one who does not signed no later. Undefined below the quorum, or when it is none.
   */
  readonly reachedAt: number | undefined;
  /**
   * Until when, in milliseconds since the epoch, the quorum had not signed yet, counted from the last: what cites these
   * signed bytes came after. Undefined as above.
   */
  readonly lastReachedAt: number | undefined;
}

/**
 * Counts the cosignatures of a checkpoint by exact name and key (C2SP tlog-cosignature). A witness that signed twice,
 * or that has two keys, is one, and its earliest time counts, or for what comes after, its latest.
 */
export async function countWitnesses(note: SignedNote, anchor: Anchor): Promise<Witnessed> {
  const times = new Map<string, { first: number; last: number }>();
  const failed = new Set<string>();
  const compromised = new Set<string>();
  let unknown = 0;
  const [origin] = note.text.split("\n", 1);
  for (const signature of note.signatures) {
    const known = anchor.witnesses.find(({ key }) => key.name === signature.name && key.id === signature.id);
    if (known === undefined) {
      if (signature.name !== origin) unknown++;
      continue;
    }
    const { name } = known.key;
    if (known.compromised) {
      compromised.add(name);
      continue;
    }
    const seconds = await cosignatureTime(note.text, known.key, signature);
    if (seconds === undefined) failed.add(name);
    else {
      const { first, last } = times.get(name) ?? { first: seconds, last: seconds };
      times.set(name, { first: Math.min(first, seconds), last: Math.max(last, seconds) });
    }
  }
  // A witness with a line that does not verify is not counted for another line that does.
  for (const name of failed) times.delete(name);
  const quorum = anchor.witnessQuorum;
  const firsts = [...times.values()].map(({ first }) => first).sort((a, b) => a - b);
  const lasts = [...times.values()].map(({ last }) => last).sort((a, b) => b - a);
  // A cosignature has whole seconds: it was made within the one that it names.
  const first = quorum === 0 ? undefined : firsts[quorum - 1];
  const last = quorum === 0 ? undefined : lasts[quorum - 1];
  return {
    names: [...times.keys()],
    failed: [...failed],
    compromised: [...compromised],
    unknown,
    reachedAt: first === undefined ? undefined : first * 1000 + 999,
    lastReachedAt: last === undefined ? undefined : last * 1000,
  };
}

/**
 * Checks a checkpoint's cosignatures against the reviewer's witnesses and quorum. Needs a trust file: without witnesses
 * in it nothing is found.
 *
 * @param path of the checkpoint in the bundle.
 */
export async function checkWitnesses(
  findings: Findings,
  note: SignedNote,
  anchor: Anchor,
  path: string,
): Promise<Witnessed> {
  const witnessed = await countWitnesses(note, anchor);
  for (const name of witnessed.failed)
    findings.contradict("FAILURE_WITNESS_INVALID", `the cosignature of witness \`${name}\` does not verify`, {
      path,
    });
  for (const name of witnessed.compromised)
    findings.note(`witness \`${name}\` is not counted: the trust file lists its key as compromised`);
  const { names, unknown } = witnessed;
  if (names.length < anchor.witnessQuorum)
    findings.contradict(
      "FAILURE_WITNESS_QUORUM_UNSATISFIED",
      `${names.length} of the ${anchor.witnessQuorum} witnesses that the trust file asks for cosigned the checkpoint`,
      { path },
    );
  else if (names.length > 0)
    findings.note(`cosigned by ${names.map((name) => `\`${name}\``).join(", ")}, whom the trust file lists`);
  if (unknown > 0) findings.note(`signatures by keys of no listed witness, ignored: ${unknown}`);
  return witnessed;
}
