import { isAgeRecipient } from "../format/age-recipient.ts";
import { millisOfDuration } from "../format/duration.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import { ruleDuration, ruleScopePatterns, ruleUnique, ruleWindow } from "./document-rules.ts";
import { type Engagement, engagementSchema, type TargetAuthorization } from "./engagement.ts";
import type { Path } from "./fault.ts";
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
  ruleExceptions(engagement);
  if (isJsonObject(raw.evidence) && Array.isArray(raw.evidence.recipients)) {
    for (const [index, recipient] of raw.evidence.recipients.entries()) {
      if (typeof recipient === "string" && !isAgeRecipient(recipient))
        engagement.report(
          ["evidence", "recipients", index],
          "value",
          "is no age recipient: make one with `age-keygen` and copy its `age1…` whole",
        );
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
    ruleChallenge(engagement, at, authorization);
  }
}

/** Who is named in an exception is in the engagement and may be; nobody reviews only themselves. */
function ruleExceptions(engagement: Inspection<Engagement>): void {
  const people = new Map(engagement.items("principals").map(([, { id, roles }]) => [id, roles]));
  const unknown = (at: Path, id: string): void => {
    if (!people.has(id))
      engagement.report(at, "unknown-reference", `\`${id}\` is no principal of the engagement`);
  };
  const { bypass } = engagement.raw;
  if (isJsonObject(bypass)) {
    const { approver, boundary } = bypass as { approver?: Json; boundary?: Json };
    if (Array.isArray(boundary)) ruleScopePatterns(engagement, ["bypass", "boundary"], boundary);
    if (typeof approver === "string" && people.get(approver)?.includes("approver") !== true)
      engagement.report(["bypass", "approver"], "value", `\`${approver}\` is no approver of the engagement`);
  }
  const glasses = engagement.items("breakGlass");
  ruleUnique(
    engagement,
    glasses.map(([index, { id }]) => [["breakGlass", index, "id"], id]),
    "break-glass",
  );
  for (const [index, glass] of glasses) {
    const at = ["breakGlass", index];
    ruleScopePatterns(engagement, [...at, "targets"], glass.targets);
    ruleWindow(engagement, [...at, "window"], glass.window);
    ruleDuration(engagement, [...at, "reviewWithin"], glass.reviewWithin);
    for (const [i, id] of glass.people.entries()) unknown([...at, "people", i], id);
    for (const [i, id] of glass.reviewers.entries()) unknown([...at, "reviewers", i], id);
    for (const id of glass.people) {
      if (glass.reviewers.every((reviewer) => reviewer === id))
        engagement.report(
          [...at, "reviewers"],
          "value",
          `nobody but \`${id}\` could review what \`${id}\` does`,
        );
    }
  }
}

/** A domain's token says something about that domain: in DNS about all names below it, in a file about one host. */
function ruleChallenge(
  engagement: Inspection<Engagement>,
  at: Path,
  authorization: TargetAuthorization,
): void {
  const { kind, challenge, targets } = authorization;
  if ((kind === "domain-control") !== (challenge !== undefined)) {
    const message =
      kind === "domain-control"
        ? "is missing: it says what is published where"
        : "belongs to `domain-control` only";
    engagement.report([...at, "challenge"], "value", message);
  }
  if (challenge === undefined) return;
  ruleDuration(engagement, [...at, "challenge", "validFor"], challenge.validFor);
  if (millisOfDuration(challenge.validFor) > MAX_PROOF_MS)
    engagement.report([...at, "challenge", "validFor"], "value", "must not be more than 90d");
  for (const [index, target] of targets.entries()) {
    const host = /^host:(?:\*\.)?(.+)$/.exec(target)?.[1];
    const isBelow = host === challenge.domain || host?.endsWith(`.${challenge.domain}`) === true;
    const isSame = target === `host:${challenge.domain}`;
    if (challenge.method === "dns-txt" ? isBelow : isSame) continue;
    engagement.report(
      [...at, "targets", index],
      "value",
      `is not what control of \`${challenge.domain}\` proves`,
    );
  }
}

const MAX_PROOF_MS = 90 * 86_400_000;
