import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { Contract } from "../contract/contract.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Runbook } from "../contract/runbook.ts";
import type { Digest } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";

/**
 * The documents that people author in a workspace. Read when a run starts; from then on the run uses what
 * it pinned. Every method throws `ContractError` with all faults when a document is malformed, and
 * `DefinitionsError` `NOT_FOUND` when there is none.
 */
export interface Definitions {
  lock(): CatalogLock;
  contract(reference: string): { contract: Contract; digest: Digest };
  runbook(idOrPath: string): Runbook;
  engagement(id: string): Engagement;
  /** Digests of the letters that are kept with an engagement. */
  letters(engagement: string): ReadonlySet<Digest>;
  principals(): PrincipalSet;
  policies(): PolicySet;
  /** The authorization record of an engagement, or undefined when no owner signed one yet. */
  authorization(engagement: string): Envelope | undefined;
}
