import type { ActionDocument } from "../contract/action-document.ts";
import type { GateDecision } from "../contract/gate-record.ts";
import type { JsonObject } from "../format/json.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny } from "./gate-decision.ts";
import { covers, touches } from "./scope-match.ts";
import { parsePatterns, type ScopePatterns } from "./scope-patterns.ts";
import { parseActionEndpoint, parseSubject, type ScopeSubject } from "./scope-subject.ts";

export const reasons = [
  /** The action says nothing about what it is about. */
  "no-subject",
  /** A subject is not exactly one target in an unambiguous spelling. */
  "subject-malformed",
  "endpoint-malformed",
  /** A pattern of the runbook or the engagement cannot be read: nothing is in a scope that cannot be read. */
  "pattern-malformed",
  /** An exclusion of the runbook or the engagement touches a subject. */
  "excluded",
  /** An exclusion touches a declared endpoint. */
  "endpoint-excluded",
  "outside-runbook-scope",
  "outside-engagement-scope",
] as const;
type Reason = (typeof reasons)[number];

/** What of the facts this gate looks at. */
export type ScopeFacts = Pick<GateFacts, "engagement" | "runbookScope"> & {
  readonly action: Pick<ActionDocument, "subjects" | "endpoints">;
};

/**
 * Gate 3: every subject is inside the runbook's and the engagement's scope and touched by no exclusion of
 * either. Exclusions are looked at first and win. Declared endpoints need not be in scope (a resolver, a registry),
 * but no exclusion may touch them. Nothing is resolved here: no packet leaves.
 */
export function scopeGate(facts: ScopeFacts): GateDecision {
  const { action, engagement, runbookScope } = facts;
  const scopes: readonly Scope[] = [
    {
      owner: "engagement",
      include: parsePatterns(engagement.scope.include),
      exclude: parsePatterns(engagement.scope.exclude ?? NONE),
    },
    {
      owner: "runbook",
      include: parsePatterns(runbookScope.include),
      exclude: parsePatterns(runbookScope.exclude),
    },
  ];
  const no = (reason: Reason, seen: JsonObject) => deny("scope", reason, seen);

  const malformed = scopes.flatMap(({ include, exclude }) => [...include.malformed, ...exclude.malformed]);
  if (malformed.length > 0) return no("pattern-malformed", { patterns: malformed.slice(0, 20) });
  if (action.subjects.length === 0) return no("no-subject", {});

  const subjects: Item[] = [];
  for (const subject of action.subjects) {
    const text = `${subject.kind}:${subject.value}`;
    const parsed = parseSubject(subject);
    if (parsed === undefined) return no("subject-malformed", { subject: text });
    subjects.push({ text, parsed });
  }
  const endpoints: Item[] = [];
  for (const endpoint of action.endpoints) {
    const text = endpoint.port === undefined ? endpoint.host : `${endpoint.host}:${endpoint.port}`;
    const parsed = parseActionEndpoint(endpoint);
    if (parsed === undefined) return no("endpoint-malformed", { endpoint: text });
    endpoints.push({ text, parsed });
  }

  for (const { owner, exclude } of scopes) {
    const subject = firstTouched(exclude, subjects);
    if (subject !== undefined)
      return no("excluded", { subject: subject.text, by: owner, pattern: subject.pattern });
    const endpoint = firstTouched(exclude, endpoints);
    if (endpoint !== undefined) {
      return no("endpoint-excluded", { endpoint: endpoint.text, by: owner, pattern: endpoint.pattern });
    }
  }
  const bypass = parsePatterns(engagement.bypass?.boundary ?? NONE);
  if (bypass.malformed.length > 0)
    return no("pattern-malformed", { patterns: bypass.malformed.slice(0, 20) });
  const matched: JsonObject[] = [];
  for (const { text, parsed } of subjects) {
    const by: Record<string, string> = { subject: text };
    for (const { owner, include } of scopes) {
      const found = include.patterns.find(({ pattern }) => covers(pattern, parsed));
      // A bypass reaches targets outside of the engagement's scope, never those that an exclusion touches.
      const beside =
        found === undefined && owner === "engagement"
          ? bypass.patterns.find(({ pattern }) => covers(pattern, parsed))
          : undefined;
      if (beside !== undefined) {
        by.bypass = beside.text;
        continue;
      }
      if (found === undefined) {
        return no(owner === "runbook" ? "outside-runbook-scope" : "outside-engagement-scope", {
          subject: text,
        });
      }
      by[owner] = found.text;
    }
    matched.push(by);
  }
  return allow("scope", { subjects: matched });
}

interface Scope {
  readonly owner: "engagement" | "runbook";
  readonly include: ScopePatterns;
  readonly exclude: ScopePatterns;
}

interface Item {
  readonly text: string;
  readonly parsed: ScopeSubject;
}

const NONE: readonly string[] = Object.freeze([]);

function firstTouched(
  exclude: ScopePatterns,
  items: readonly Item[],
): { text: string; pattern: string } | undefined {
  for (const { text, parsed } of items) {
    const found = exclude.patterns.find(({ pattern }) => touches(pattern, parsed));
    if (found !== undefined) return { text, pattern: found.text };
  }
  return undefined;
}
