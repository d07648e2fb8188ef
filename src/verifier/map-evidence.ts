import type { EvidenceMapping, EvidenceSelector } from "../contract/evidence-mapping.ts";
import { openBundle } from "./bundle.ts";
import type { BundleSource } from "./bundle-source.ts";
import { defaultLimits } from "./limits.ts";
import type { Receipt } from "./read-receipts.ts";
import type { Report, StepReport } from "./report.ts";

/** One receipt that is evidence for a requirement. */
export interface EvidenceLink {
  readonly shows: string;
  readonly receipt: string;
  readonly event: string;
  readonly about: string;
  /** Why it is not direct evidence; only for supporting context. */
  readonly because?: string;
}

/** What a bundle holds for one requirement. */
export interface MappedRequirement {
  readonly id: string;
  readonly requires: string;
  readonly direct: readonly EvidenceLink[];
  readonly supporting: readonly EvidenceLink[];
  /** Conclusions that stand and cite a receipt above: what people infer, not what was observed. */
  readonly inferred: readonly {
    readonly statement: string;
    readonly principal: string;
    readonly confidence: string;
    /** Whether the confidence stands: `high` only when a trusted person signed it and all that it cites is strong proof. */
    readonly supported: boolean;
  }[];
  readonly gaps: readonly string[];
}

/** Evidence in a bundle by the requirements of a framework. It says nothing about conformity. */
export interface EvidenceMap {
  readonly schema: "witnessops/evidence-map/v1";
  readonly mapping: string;
  readonly title: string;
  readonly source: string;
  readonly verdict: Report["verdict"];
  readonly statement: string;
  readonly requirements: readonly MappedRequirement[];
}

const STATEMENT =
  "This lists evidence by requirement. It claims no conformity: whether a requirement is met is for people to judge, from more than this.";
const NO_DIRECT = "there is no direct evidence for this in the bundle";

/**
 * Lists what a verified bundle holds for each requirement of a mapping (spec/mapping.md). Direct evidence is a receipt
 * under a `valid` verdict, of a call only as strong proof, and otherwise without an exception such as `lab`; what a selector finds otherwise is supporting context, and
 * says why.
 *
 * @param report what verifying the same bundle gave.
 */
export async function mapEvidence(
  source: BundleSource,
  report: Report,
  mapping: EvidenceMapping,
): Promise<EvidenceMap> {
  const bundle = await openBundle(source, defaultLimits);
  const effectOf = ({ predicate }: Receipt): string | undefined => {
    const { contract } = predicate;
    return contract && bundle.contracts.get(`${contract.id}@${contract.version}`)?.contract.effect;
  };
  const steps = new Map(report.steps.map((step) => [step.receipt, step]));
  const select = (selectors: readonly EvidenceSelector[]) =>
    selectors.flatMap((selector) =>
      bundle.receipts
        .filter((receipt) => isSelected(selector, receipt, effectOf(receipt)))
        .map((receipt) => ({ selector, receipt })),
    );
  const requirements = mapping.requirements.map((requirement): MappedRequirement => {
    const found = select(requirement.direct).map(({ selector, receipt }) => {
      const because = notDirect(report, receipt, steps.get(receipt.digest));
      return { ...linkOf(selector, receipt), ...(because === undefined ? {} : { because }) };
    });
    const direct = found.filter(({ because }) => because === undefined);
    const supporting = [
      ...found.filter(({ because }) => because !== undefined),
      ...select(requirement.supporting ?? []).map(({ selector, receipt }) => linkOf(selector, receipt)),
    ];
    const cited = new Set([...direct, ...supporting].map(({ receipt }) => receipt));
    return {
      id: requirement.id,
      requires: requirement.requires,
      direct,
      supporting,
      inferred: report.inferred
        .filter(({ state, cites }) => state === "stands" && cites.some((cite) => cited.has(receiptOf(cite))))
        .map(({ statement, principal, confidence, supported }) => ({
          statement,
          principal,
          confidence,
          supported,
        })),
      gaps: [...(direct.length === 0 ? [NO_DIRECT] : []), ...requirement.gaps],
    };
  });
  const { id, version, title, source: published } = mapping;
  return {
    schema: "witnessops/evidence-map/v1",
    mapping: `${id}@${version}`,
    title,
    source: published,
    verdict: report.verdict,
    statement: STATEMENT,
    requirements,
  };
}

function isSelected(selector: EvidenceSelector, { predicate }: Receipt, effect: string | undefined): boolean {
  const { event, contract, gate, detail = {}, exception } = selector;
  return (
    listOf(event).includes(predicate.event) &&
    (contract === undefined || listOf(contract).some((pattern) => fits(pattern, predicate.contract?.id))) &&
    (selector.effect === undefined || selector.effect.some((one) => one === effect)) &&
    (gate === undefined ||
      predicate.gates?.some((one) => one.gate === gate.gate && one.decision === gate.decision) === true) &&
    Object.entries(detail).every(([name, value]) => predicate.detail?.[name] === value) &&
    (exception === undefined || predicate.exceptions.some((one) => exception.includes(one)))
  );
}

/** Why a receipt that was selected is not direct evidence. */
function notDirect(
  { verdict }: Report,
  { predicate }: Receipt,
  step: StepReport | undefined,
): string | undefined {
  if (verdict !== "valid") return `the bundle is ${verdict}`;
  if (step?.proofClass === undefined)
    return predicate.exceptions.length === 0
      ? undefined
      : `operational input: ${predicate.exceptions.join(", ")}`;
  if (step.proofClass === "strong-proof") return undefined;
  const why = [...step.missing.map((signal) => `missing ${signal}`), ...step.reasons];
  return `operational input: ${why.join(", ")}`;
}

function linkOf({ shows }: EvidenceSelector, { digest, predicate }: Receipt): EvidenceLink {
  const { event, step, run, engagement, ledger } = predicate;
  const about = [run === undefined ? (engagement?.id ?? ledger.stream) : `run ${run}`, step?.id, step?.key];
  return { shows, receipt: digest, event, about: about.filter((part) => part !== undefined).join(" ") };
}

function receiptOf(cite: unknown): string {
  return String((cite as { receipt?: unknown }).receipt);
}

function fits(pattern: string, id: string | undefined): boolean {
  if (id === undefined) return false;
  return pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}
