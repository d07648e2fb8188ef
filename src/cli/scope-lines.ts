import { parseScopePattern } from "../contract/scope-pattern.ts";
import { patternOf } from "./target-text.ts";

/** Patterns read from lines, and what is wrong with the rest. */
export interface ScopeLines {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** `line 3: …`, one for each line that is no target. */
  readonly faults: readonly string[];
}

/**
 * Reads targets from text, one a line: `example.com` is in scope, `!example.com` is out of it, `#` begins a comment.
 * Every bad line is reported.
 */
export function readScopeLines(text: string): ScopeLines {
  const include = new Set<string>();
  const exclude = new Set<string>();
  const faults: string[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") continue;
    const out = line.startsWith("!");
    const target = out ? line.slice(1).trim() : line;
    const pattern = patternOf(target);
    const read = parseScopePattern(pattern);
    if (!read.ok) faults.push(`line ${index + 1}: \`${target.slice(0, 200)}\`: ${read.message}`);
    else (out ? exclude : include).add(pattern);
  }
  return { include: [...include], exclude: [...exclude], faults };
}
