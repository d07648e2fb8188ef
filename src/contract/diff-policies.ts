import { type Change, changeList } from "./change.ts";
import type { PolicySet } from "./policy-set.ts";

/**
 * What changed between two policy sets. A policy that only forbids can be added without weakening anything;
 * every other change is breaking, since what it does depends on all policies together.
 */
export function diffPolicySets(before: PolicySet, after: PolicySet): readonly Change[] {
  const to = changeList();
  if (before.language.version !== after.language.version) {
    to.breaking("language.version", `Cedar ${after.language.version}, was ${before.language.version}`);
  }
  if (before.schema !== after.schema) to.breaking("schema", "the schema changed");
  for (const [id, text] of Object.entries(after.policies)) {
    const known = Object.hasOwn(before.policies, id) ? before.policies[id] : undefined;
    const path = `policies.${id}`;
    if (known !== undefined && known !== text) to.breaking(path, `policy \`${id}\` changed`);
    else if (known === undefined && mayPermit(text))
      to.breaking(path, `policy \`${id}\` added; it may permit`);
    else if (known === undefined) to.note(path, `policy \`${id}\` added; it only forbids`);
  }
  for (const id of Object.keys(before.policies)) {
    if (!Object.hasOwn(after.policies, id)) to.breaking(`policies.${id}`, `policy \`${id}\` removed`);
  }
  return to.all;
}

/** Whether the word stands anywhere in the text: rather once too often than once too few. */
function mayPermit(text: string): boolean {
  return text.includes("permit");
}
