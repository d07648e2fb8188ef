import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { Change } from "../contract/change.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { diffContracts } from "../contract/diff-contract.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import type { Runbook } from "../contract/runbook.ts";

/** Where a contract is used, in words: `exposure-check@1.0.0 (tls)`. */
export function usedBy(
  contract: Contract,
  runbooks: readonly Runbook[],
  contracts: readonly Contract[],
): string[] {
  const reference = referenceOf(contract);
  const steps = runbooks.flatMap((runbook) => {
    const names = runbook.steps.filter(({ uses }) => uses === reference).map(({ id }) => id);
    return names.length === 0 ? [] : [`${referenceOf(runbook)} (${names.join(", ")})`];
  });
  const readBacks = contracts
    .filter(({ execution }) => execution.confirm?.uses === reference)
    .map((one) => `read-back of ${referenceOf(one)}`);
  return [...steps, ...readBacks];
}

/** One version of a contract that is or was in a catalog. */
export interface ContractVersion {
  readonly contract: string;
  readonly digest: string;
  /** `changed`: the lock pins this version with another content. */
  readonly lock: "locked" | "changed" | "not locked";
  /** When the workspace first published a lock with it, as its host says; where that is known. */
  readonly published?: string;
  /** The version before, when its text is known too, and what changed in the boundary since. */
  readonly since?: { readonly contract: string; readonly changes: readonly Change[] };
}

/** A version of which a lock is known, and its text where somebody still has it. */
export interface KnownVersion {
  readonly reference: string;
  readonly digest: string;
  readonly contract?: Contract | undefined;
  readonly published?: string | undefined;
}

/**
 * The versions of a contract, the oldest first, each with what changed in the boundary since the one before.
 *
 * @param versions of one id, in any order; of the same version the first is taken.
 */
export function historyOf(
  versions: readonly KnownVersion[],
  lock: CatalogLock | undefined,
): ContractVersion[] {
  const distinct = [...new Map(versions.toReversed().map((one) => [one.reference, one])).values()].sort(
    byVersion,
  );
  return distinct.map(({ reference, digest, contract, published }, index) => {
    const before = distinct[index - 1];
    const pinned = lock?.contracts[reference];
    return {
      contract: reference,
      digest,
      lock: pinned === undefined ? "not locked" : pinned === digest ? "locked" : "changed",
      ...(published === undefined ? {} : { published }),
      ...(before?.contract === undefined || contract === undefined
        ? {}
        : {
            since: { contract: before.reference, changes: diffContracts(before.contract, contract) },
          }),
    };
  });
}

/** The versions that the catalog's files have of an id. */
export function versionsIn(contracts: readonly Contract[], id: string): KnownVersion[] {
  return contracts
    .filter((contract) => contract.id === id)
    .map((contract) => ({ reference: referenceOf(contract), digest: digestOfDocument(contract), contract }));
}

/** A version with what changed, in one line: `1.1.0 (locked): error class added`. */
export function versionText({ contract, lock, published, since }: ContractVersion): string {
  const version = contract.slice(contract.indexOf("@") + 1);
  const when = published === undefined ? "" : `, published ${published}`;
  const changes = since?.changes.map(({ change, breaking }) => (breaking ? `${change} (breaking)` : change));
  const text = changes === undefined ? "" : `: ${changes.join("; ") || "nothing changed in the boundary"}`;
  return `${version} (${lock}${when})${text}`;
}

function byVersion(a: KnownVersion, b: KnownVersion): number {
  const parts = ({ reference }: KnownVersion) =>
    reference
      .slice(reference.indexOf("@") + 1)
      .split(".")
      .map(Number);
  const [left, right] = [parts(a), parts(b)];
  return left.map((part, index) => part - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
