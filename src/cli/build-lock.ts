import type { CatalogLock } from "../contract/catalog-lock.ts";
import { referenceOf } from "../contract/contract.ts";
import type { CatalogEntry } from "../store/workspace-definitions.ts";

/** A new lock against the one before. */
export interface LockResult {
  readonly lock: CatalogLock;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** One line for each contract that may not be locked as it is. */
  readonly faults: readonly string[];
}

/**
 * Pins every contract of the catalog to its digest. A contract that changed keeps neither its version nor its lock:
 * the same `id@version` with another digest is refused everywhere (design section 3).
 */
export function buildLock(entries: readonly CatalogEntry[], before: CatalogLock | undefined): LockResult {
  const contracts: Record<string, string> = {};
  const files = new Map<string, string>();
  const faults: string[] = [];
  for (const { contract, digest, file } of entries) {
    const reference = referenceOf(contract);
    const locked = before?.contracts[reference];
    const twin = files.get(reference);
    if (twin !== undefined) faults.push(`${file}: \`${reference}\` stands in ${twin} already`);
    else if (locked !== undefined && locked !== digest) {
      faults.push(
        `${file}: \`${reference}\` changed and has the version that the lock pins: raise its version`,
      );
    }
    files.set(reference, file);
    contracts[reference] = digest;
  }
  const old = Object.keys(before?.contracts ?? {});
  const references = Object.keys(contracts).sort();
  return {
    lock: {
      apiVersion: "witnessops/v1",
      kind: "CatalogLock",
      contracts: Object.fromEntries(
        references.map((reference) => [reference, contracts[reference] as string]),
      ),
    },
    added: references.filter((reference) => !old.includes(reference)),
    removed: old.filter((reference) => !(reference in contracts)).sort(),
    faults,
  };
}

/** The text of `catalog.lock.json`. */
export function lockText(lock: CatalogLock): string {
  return `${JSON.stringify(lock, null, 2)}\n`;
}
