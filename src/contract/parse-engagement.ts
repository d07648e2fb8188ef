import { isJsonObject, type Json } from "../format/json.ts";
import { ruleScopePatterns, ruleUnique, ruleWindow } from "./document-rules.ts";
import { type Engagement, engagementSchema } from "./engagement.ts";
import { type DocumentKind, documentFromJson, type Inspection, readDocument } from "./inspect-document.ts";

/** What an engagement is: its schema, and the rules that the schema cannot say. */
export const engagementKind: DocumentKind<Engagement> = {
  name: "engagement",
  schema: engagementSchema,
  rules,
};

/** Reads an engagement from YAML. @throws ContractError with every fault, each with path and line. */
export function parseEngagement(text: string, options: { file?: string } = {}): Engagement {
  return readDocument(engagementKind, text, options);
}

/** A pinned engagement. @throws ContractError with every fault. */
export function engagementFromJson(value: Json): Engagement {
  return documentFromJson(engagementKind, value);
}

function rules(engagement: Inspection<Engagement>): void {
  const { raw } = engagement;
  if (isJsonObject(raw.window)) ruleWindow(engagement, ["window"], raw.window);
  if (raw.environment === "lab" && raw.lab === undefined) {
    engagement.report(["lab"], "required", "is missing: a lab engagement names its terms");
  }
  if (raw.environment === "production" && raw.lab !== undefined) {
    engagement.report(["lab"], "value", "belongs to lab engagements only");
  }
  ruleUnique(
    engagement,
    engagement.items("principals").map(([index, { id }]) => [["principals", index, "id"], id]),
    "principal",
  );
  if (isJsonObject(raw.scope)) {
    for (const name of ["include", "exclude"]) {
      const patterns = raw.scope[name];
      if (Array.isArray(patterns)) ruleScopePatterns(engagement, ["scope", name], patterns);
    }
  }
  const authorizations = engagement.items("authorizations");
  ruleUnique(
    engagement,
    authorizations.map(([index, { id }]) => [["authorizations", index, "id"], id]),
    "authorization",
  );
  for (const [index, authorization] of authorizations) {
    const at = ["authorizations", index];
    ruleScopePatterns(engagement, [...at, "targets"], authorization.targets);
    ruleWindow(engagement, at, authorization);
    if (authorization.kind === "letter" && authorization.letterDigest === undefined) {
      engagement.report([...at, "letterDigest"], "required", "is missing: a letter is named by its digest");
    }
  }
}
