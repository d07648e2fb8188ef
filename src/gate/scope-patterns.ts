import { parseScopePattern, type ScopePattern } from "../contract/scope-pattern.ts";

/** A list of patterns, parsed, each with the text it came from. */
export interface ScopePatterns {
  readonly patterns: readonly { readonly text: string; readonly pattern: ScopePattern }[];
  /** Texts that are no patterns: the gates fail closed on them. */
  readonly malformed: readonly string[];
}

/** Parses a list of patterns; a frozen list (a pinned definition) is parsed once. */
export function parsePatterns(texts: readonly string[]): ScopePatterns {
  const known = parsed.get(texts);
  if (known !== undefined) return known;
  const patterns: { text: string; pattern: ScopePattern }[] = [];
  const malformed: string[] = [];
  for (const text of texts) {
    const result = parseScopePattern(text);
    if (result.ok) patterns.push({ text, pattern: result.pattern });
    else malformed.push(text);
  }
  const out = { patterns, malformed };
  if (Object.isFrozen(texts)) parsed.set(texts, out);
  return out;
}

const parsed = new WeakMap<readonly string[], ScopePatterns>();
