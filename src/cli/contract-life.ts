import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkOf } from "../contract/catalog-checks.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { catalogLockFromJson } from "../contract/parse-catalog-lock.ts";
import { contractFromJson, parseContract } from "../contract/parse-contract.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import type { Json } from "../format/json.ts";
import { WORKSPACE_STREAM } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Store } from "../run/store.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import {
  type ContractVersion,
  historyOf,
  type KnownVersion,
  usedBy,
  versionsIn,
} from "./contract-history.ts";
import { ledgerPath, openLedger } from "./open-ledger.ts";

/** What a workspace knows of a contract besides its text. */
export interface ContractLife {
  /** Runbooks and read-backs that use this version. */
  readonly usedBy: readonly string[];
  /** The mark in `catalog/checks.json`; undefined when there is none for this very text. */
  readonly checked?: { readonly checked: string; readonly against: string };
  readonly history: readonly ContractVersion[];
}

/** Reads what a workspace knows of a contract. @throws ContractError of what of it cannot be parsed. */
export function contractLife(
  definitions: WorkspaceDefinitions,
  contract: Contract,
  digest: Digest,
): ContractLife {
  const { root } = definitions;
  const reference = referenceOf(contract);
  const related = relatedTo(definitions, contract);
  const check = checkOf(definitions.checks(), reference, digest);
  const lock = existsSync(join(root, "catalog.lock.json")) ? definitions.lock() : undefined;
  const published = existsSync(ledgerPath(root)) ? publishedIn(root, contract.id) : [];
  const here = [{ reference, digest, contract }, ...versionsIn(related, contract.id)].map(
    (one): KnownVersion => ({
      ...one,
      published: published.find((other) => other.digest === one.digest)?.published,
    }),
  );
  return {
    usedBy: usedBy(
      contract,
      definitions.runbooks().map(({ runbook }) => runbook),
      related,
    ),
    ...(check === undefined ? {} : { checked: { checked: check.checked, against: check.against } }),
    history: historyOf([...here, ...published], lock),
  };
}

/** The catalog's contracts that name this one, or are a version of it; no other is parsed. */
function relatedTo(definitions: WorkspaceDefinitions, { id }: Contract): Contract[] {
  return definitions.catalogFiles().flatMap((file) => {
    const text = readFileSync(join(definitions.root, file), "utf8");
    return text.includes(id) ? [parseContract(text, { file })] : [];
  });
}

/** The versions in the locks that the workspace has published, as its ledger tells. */
function publishedIn(root: string, id: string): KnownVersion[] {
  const store = openLedger(root);
  try {
    const found = new Map<string, KnownVersion>();
    for (const { event, payload } of store.receipts(WORKSPACE_STREAM)) {
      if (event !== "catalog-published") continue;
      const { time, detail } = readReceipt(payload).predicate;
      const lock = documentOf(store, detail?.catalogLock);
      if (lock === undefined) continue;
      for (const [reference, digest] of Object.entries(catalogLockFromJson(lock).contracts)) {
        if (!reference.startsWith(`${id}@`) || found.has(reference)) continue;
        const text = documentOf(store, digest);
        const contract = text === undefined ? undefined : contractFromJson(text);
        found.set(reference, { reference, digest, contract, published: time.claimedUtc });
      }
    }
    return [...found.values()];
  } finally {
    store.close();
  }
}

/** A document that the ledger has, by its digest. */
function documentOf(store: Store, digest: unknown): Json | undefined {
  const bytes = typeof digest === "string" ? store.document(digest as Digest) : undefined;
  return bytes === undefined ? undefined : parseJson(bytes);
}
