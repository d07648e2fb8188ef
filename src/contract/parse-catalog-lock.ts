import type { Json } from "../format/json.ts";
import { type CatalogLock, catalogLockSchema } from "./catalog-lock.ts";
import { type DocumentKind, documentFromJson, readDocument } from "./inspect-document.ts";

/** What a catalog lock is. */
export const catalogLockKind: DocumentKind<CatalogLock> = { name: "catalog lock", schema: catalogLockSchema };

/** Reads a lock from JSON or YAML. @throws ContractError with every fault, each with path and line. */
export function parseCatalogLock(text: string, options: { file?: string } = {}): CatalogLock {
  return readDocument(catalogLockKind, text, options);
}

/** A pinned lock. @throws ContractError with every fault. */
export function catalogLockFromJson(value: Json): CatalogLock {
  return documentFromJson(catalogLockKind, value);
}
