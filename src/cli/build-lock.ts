import type { CatalogLock } from "../contract/catalog-lock.ts";
import { referenceOf } from "../contract/contract.ts";
import type { Digest } from "../format/digest.ts";
import type { CatalogEntry, RunbookEntry } from "../store/workspace-definitions.ts";

/** A new lock against the one before. */
export interface LockResult {
  readonly lock: CatalogLock;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** One line for each document that may not be locked as it is. */
  readonly faults: readonly string[];
}

interface Pinned {
  readonly reference: string;
  readonly digest: Digest;
  readonly file: string;
}

/**
 * Pins every contract and runbook to its digest. One that changed keeps neither its version nor its lock: the same
 * `id@version` with another digest is refused everywhere (design section 3).
 */
export function buildLock(
  entries: { readonly contracts: readonly CatalogEntry[]; readonly runbooks: readonly RunbookEntry[] },
  before: CatalogLock | undefined,
): LockResult {
  const faults: string[] = [];
  const contracts = pin(
    entries.contracts.map(({ contract, digest, file }) => ({
      reference: referenceOf(contract),
      digest,
      file,
    })),
    before?.contracts,
    faults,
  );
  const runbooks = pin(
    entries.runbooks.map(({ runbook, digest, file }) => ({ reference: referenceOf(runbook), digest, file })),
    before?.runbooks,
    faults,
  );
  const now = [...Object.keys(contracts), ...Object.keys(runbooks)];
  const old = [...Object.keys(before?.contracts ?? {}), ...Object.keys(before?.runbooks ?? {})];
  return {
    lock: { apiVersion: "witnessops/v1", kind: "CatalogLock", contracts, runbooks },
    added: now.filter((reference) => !old.includes(reference)),
    removed: old.filter((reference) => !now.includes(reference)).sort(),
    faults,
  };
}

function pin(
  documents: readonly Pinned[],
  before: Readonly<Record<string, string>> | undefined,
  faults: string[],
): Record<string, string> {
  const pinned: Record<string, string> = {};
  const files = new Map<string, string>();
  for (const { reference, digest, file } of documents) {
    const locked = before?.[reference];
    const twin = files.get(reference);
    if (twin !== undefined) faults.push(`${file}: \`${reference}\` stands in ${twin} already`);
    else if (locked !== undefined && locked !== digest) {
      faults.push(
        `${file}: \`${reference}\` changed and has the version that the lock pins: raise its version`,
      );
    }
    files.set(reference, file);
    pinned[reference] = digest;
  }
  return Object.fromEntries(Object.entries(pinned).sort(([a], [b]) => (a < b ? -1 : 1)));
}
