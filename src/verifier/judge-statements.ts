import type { DefinitionKind } from "../contract/proof-bundle.ts";
import type { ReceiptEvent } from "../contract/receipt-predicate.ts";
import { keyIdsOf } from "../format/key-ids.ts";
import { type KeyEntry, type PrincipalKey, parsePrincipalKey, signedByKey } from "../format/principal-key.ts";
import type { Anchor } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type CompromisedKeys, signedBy } from "./compromised-keys.ts";

/** Receipts that record what a person signed: the event, the kind of the statement, and who names it in `detail`. */
const recorded: ReadonlyMap<ReceiptEvent, readonly [kind: DefinitionKind, member: string]> = new Map([
  ["engagement-authorized", ["authorization", "authorization"]],
  ["approval-recorded", ["approval", "approval"]],
  ["break-glass-recorded", ["break-glass", "breakGlass"]],
  ["break-glass-reviewed", ["review", "review"]],
  ["answer-recorded", ["answer", "answer"]],
  ["step-resolved", ["resolution", "resolution"]],
  ["conclusion-recorded", ["conclusion", "conclusion"]],
  ["conclusion-withdrawn", ["withdrawal", "withdrawal"]],
]);

/**
 * Judges what people signed with keys that may have been in other hands, by the receipts that record it. Who signed is
 * for other layers; here the key is what counts, in whichever form the principals or the trust file have it.
 */
export async function judgeStatements(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  compromised: CompromisedKeys,
): Promise<void> {
  const keys = compromisedKeys(runs, anchor, compromised.ids);
  if (keys.length === 0) return;
  for (const receipt of bundle.receipts) {
    const [kind, member] = recorded.get(receipt.predicate.event) ?? [];
    if (kind === undefined || member === undefined) continue;
    const envelope = bundle.envelope(kind, String(receipt.predicate.detail?.[member]));
    if (envelope === undefined) continue;
    for (const { key, ids } of keys) {
      if (!(await signedByKey(key, envelope))) continue;
      compromised.judge(ids, signedBy(receipt), `the ${kind} of a person`);
      break;
    }
  }
}

/** The keys of people, as the bundle and the reviewer list them, that are among the compromised. */
function compromisedKeys(
  runs: readonly ClaimedRun[],
  anchor: Anchor,
  compromised: ReadonlySet<string>,
): { readonly key: PrincipalKey; readonly ids: readonly string[] }[] {
  if (compromised.size === 0) return [];
  const entries = new Map<string, KeyEntry>();
  for (const { principals } of runs)
    for (const { id, keys } of principals?.principals ?? [])
      for (const key of [...keys, ...(anchor.principal(id)?.keys ?? [])]) entries.set(key.publicKey, key);
  const found: { key: PrincipalKey; ids: readonly string[] }[] = [];
  for (const entry of entries.values()) {
    try {
      const key = parsePrincipalKey(entry);
      const ids = [...keyIdsOf(key)].filter((id) => compromised.has(id));
      if (ids.length > 0) found.push({ key, ids });
    } catch {
      // A key that cannot be read made no signature.
    }
  }
  return found;
}
