import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { Contract } from "../contract/contract.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook } from "../contract/runbook.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import { deepFreeze } from "../format/json.ts";
import type { PolicyDecider } from "../gate/facts.ts";
import { openPolicies } from "../gate/open-policies.ts";
import { RunError } from "./run-error.ts";
import type { Store } from "./store.ts";

interface Kinds {
  runbook: Runbook;
  contract: Contract;
  engagement: Engagement;
  principals: PrincipalSet;
  policies: PolicySet;
  "catalog-lock": CatalogLock;
  run: RunDocument;
}

const MAX_CACHED = 512;

/**
 * The documents that runs pinned, read from the ledger by digest. They were parsed before they were pinned
 * and the digest names the very bytes, so reading them again checks nothing but their presence.
 */
export class PinnedDocuments {
  readonly #store: Pick<Store, "document">;
  readonly #cache = new Map<string, unknown>();
  readonly #deciders = new Map<string, Promise<PolicyDecider>>();

  constructor(store: Pick<Store, "document">) {
    this.#store = store;
  }

  /** Whether the ledger holds the document. What it holds stays: documents are never removed from a ledger. */
  has(digest: Digest): boolean {
    return this.#cache.has(digest) || this.#store.document(digest) !== undefined;
  }

  /** A pinned document. @throws RunError `PINNED_MISSING`. */
  read<K extends keyof Kinds>(kind: K, digest: string): Kinds[K] {
    const known = this.#cache.get(digest);
    if (known !== undefined) return known as Kinds[K];
    const bytes = this.#store.document(digest as Digest);
    if (bytes === undefined) {
      throw new RunError({
        code: "PINNED_MISSING",
        message: `the ledger lacks the ${kind} \`${digest}\` that the run pinned`,
        hint: "run `witnessops doctor` and keep the ledger file",
      });
    }
    const value = deepFreeze(parseJson(bytes)) as unknown as Kinds[K];
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(digest, value);
    return value;
  }

  /** The Cedar decider of a pinned policy set; opened once per process. */
  decider(digest: string): Promise<PolicyDecider> {
    let decider = this.#deciders.get(digest);
    if (decider === undefined) {
      decider = openPolicies(this.read("policies", digest));
      this.#deciders.set(digest, decider);
    }
    return decider;
  }
}
