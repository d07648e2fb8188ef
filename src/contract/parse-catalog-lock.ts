import type { Json } from "../format/json.ts";
import { type CatalogLock, catalogLockSchema } from "./catalog-lock.ts";
import { type DocumentKind, documentFromJson, readDocument } from "./inspect-document.ts";

/** What a catalog lock is. */
export const catalogLockKind: DocumentKind<CatalogLock> = { name: "catalog lock", schema: catalogLockSchema };

/** The text of a lock, as `catalog lock` writes it. */
export function catalogLockText(lock: CatalogLock): string {
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/** Reads a lock from JSON or YAML. @throws ContractError with every fault, each with path and line. */
export function parseCatalogLock(text: string, options: { file?: string } = {}): CatalogLock {
  return readWritten(text) ?? readDocument(catalogLockKind, text, options);
}

/**
 * A lock that stands just as `catalog lock` wrote it: every run reads it, and as JSON that takes a tenth of the time.
 * Undefined for every other text, which is read with care: to be the same again, a text has no key twice.
 */
function readWritten(text: string): CatalogLock | undefined {
  try {
    const value = JSON.parse(text) as CatalogLock;
    return catalogLockText(value) === text ? catalogLockFromJson(value as unknown as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** A pinned lock. @throws ContractError with every fault. */
export function catalogLockFromJson(value: Json): CatalogLock {
  return documentFromJson(catalogLockKind, value);
}
