import { digestOf } from "../format/digest.ts";
import type { JsonObject } from "../format/json.ts";
import type { ActionDocument } from "./action-document.ts";
import type { Contract } from "./contract.ts";
import { resolveAction } from "./resolve-action.ts";
import type { RunDocument } from "./run-document.ts";
import type { ApprovalRule } from "./vocabulary.ts";

/** What an action document is made of; everything but the nonce follows from pinned and recorded facts. */
export interface ActionParts {
  readonly run: RunDocument;
  readonly step: string;
  readonly forEachKey?: string;
  readonly invocation: string;
  readonly contract: Contract;
  readonly contractDigest: string;
  /** Validated inputs with defaults applied. */
  readonly inputs: JsonObject;
  readonly approvalRule: ApprovalRule;
  readonly nonce: string;
}

/**
 * Builds the action document of an invocation (design section 6, `spec/action-document.md`). The verifier
 * builds it again from the same parts and compares digests.
 */
export function buildAction(
  parts: ActionParts,
): { ok: true; action: ActionDocument } | { ok: false; faults: readonly string[] } {
  const resolved = resolveAction(parts.contract, parts.inputs);
  if (!resolved.ok) return { ok: false, faults: resolved.faults };
  const { run, contract } = parts;
  return {
    ok: true,
    action: {
      schema: "witnessops/action/v1",
      contract: { id: contract.id, version: contract.version, digest: parts.contractDigest },
      runbook: run.runbook,
      engagement: run.engagement,
      run: run.run,
      step: parts.step,
      ...(parts.forEachKey === undefined ? {} : { forEachKey: parts.forEachKey }),
      invocation: parts.invocation,
      effect: contract.effect,
      inputs: parts.inputs,
      subjects: [...resolved.subjects],
      endpoints: [...resolved.endpoints],
      requester: run.requester,
      objective: run.objective,
      ...(run.ticket === undefined ? {} : { ticket: run.ticket }),
      ...(run.technique === undefined ? {} : { technique: run.technique }),
      approvalRule: parts.approvalRule,
      policyDigest: run.policies,
      idempotencyKey: idempotencyKey(parts.invocation),
      nonce: parts.nonce,
    },
  };
}

/** The same for every attempt of an invocation, and for no other: 32 hex digits. */
export function idempotencyKey(invocation: string): string {
  return digestOf(`witnessops/idempotency/v1\n${invocation}`).slice("sha256:".length, "sha256:".length + 32);
}
