import type { TSchema } from "typebox";
import { actionDocumentSchema } from "./action-document.ts";
import { approvalRequestSchema, signedDecisionSchema } from "./approval-request.ts";
import { authorizationPredicateSchema } from "./authorization-record.ts";
import { catalogChecksSchema } from "./catalog-checks.ts";
import { catalogLockSchema } from "./catalog-lock.ts";
import { contractSchema } from "./contract.ts";
import { engagementSchema } from "./engagement.ts";
import { escalationSchema } from "./escalation.ts";
import { evidenceMappingSchema } from "./evidence-mapping.ts";
import { gateRecordSchema } from "./gate-record.ts";
import { keyRevocationStatementSchema, rootCertificateSchema } from "./key-statements.ts";
import { policySetSchema } from "./policy-set.ts";
import { principalSchema, principalSetSchema } from "./principal.ts";
import { receiptPredicateSchema } from "./receipt-predicate.ts";
import { runDocumentSchema } from "./run-document.ts";
import { runbookSchema } from "./runbook.ts";
import { signalSchema } from "./signal.ts";
import {
  answerStatementSchema,
  approvalStatementSchema,
  conclusionStatementSchema,
  keyCertificateSchema,
  resolutionStatementSchema,
  withdrawalStatementSchema,
} from "./signed-statements.ts";
import { trustSchema } from "./trust.ts";

const byKind = {
  contract: contractSchema,
  runbook: runbookSchema,
  engagement: engagementSchema,
  principal: principalSchema,
  "principal-set": principalSetSchema,
  "policy-set": policySetSchema,
  "catalog-lock": catalogLockSchema,
  "catalog-checks": catalogChecksSchema,
  trust: trustSchema,
  "evidence-mapping": evidenceMappingSchema,
  "action-document": actionDocumentSchema,
  "gate-record": gateRecordSchema,
  "run-document": runDocumentSchema,
  "receipt-predicate": receiptPredicateSchema,
  "authorization-predicate": authorizationPredicateSchema,
  "approval-request": approvalRequestSchema,
  "approval-statement": approvalStatementSchema,
  "signed-decision": signedDecisionSchema,
  "resolution-statement": resolutionStatementSchema,
  escalation: escalationSchema,
  signal: signalSchema,
  "answer-statement": answerStatementSchema,
  "conclusion-statement": conclusionStatementSchema,
  "withdrawal-statement": withdrawalStatementSchema,
  "key-certificate": keyCertificateSchema,
  "root-certificate": rootCertificateSchema,
  "key-revocation-statement": keyRevocationStatementSchema,
} as const satisfies Record<string, TSchema>;

/** A document that has a published schema. */
export type SchemaKind = keyof typeof byKind;

/** The published JSON Schemas (2020-12) by file name; `npm run generate` writes them to `schemas/`. */
export const schemas: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(byKind).map(([kind, schema]) => [fileOf(kind), publishedSchema(kind, schema)]),
);

/** A schema as it is published: with its address, as plain JSON without the library's own marks. */
export function publishedSchema(kind: string, schema: TSchema): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `https://witnessops.dev/schemas/${fileOf(kind)}`,
    ...(JSON.parse(JSON.stringify(schema)) as object),
  };
}

/**
 * The comment by which editors find the schema of a YAML document and offer completion.
 *
 * @param folder where the schemas are, relative to the document; default `../schemas`.
 */
export function schemaHeader(kind: SchemaKind, folder = "../schemas"): string {
  return `# yaml-language-server: $schema=${folder}/${fileOf(kind)}`;
}

function fileOf(kind: string): string {
  return `${kind}.schema.json`;
}
