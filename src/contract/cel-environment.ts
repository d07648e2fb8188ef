import { RE2JS } from "@bufbuild/re2";
import { Environment } from "@marcbachmann/cel-js";
import { CelBound } from "./cel-value.ts";

const MAX_PATTERN = 1000;
const MAX_PATTERNS = 256;
const MAX_INSTRUCTIONS = 2000;
const MAX_MATCH_WORK = 16_000_000;
let matchWork = 0;
const patterns = new Map<string, RE2JS>();

/**
 * Whether RE2 finds `pattern` in `text` (unanchored, as CEL's `matches`). Time is at most the product of the
 * text's length and the pattern's instructions, whatever they are; the product is bounded.
 *
 * @throws CelBound for a pattern that RE2 does not accept or that is too large for the text.
 */
export function re2Finds(pattern: string, text: string): boolean {
  const compiled = compilePattern(pattern);
  const work = text.length * compiled.re2Input.prog.numInst();
  if (work > MAX_MATCH_WORK) throw new CelBound("the text is too long for this pattern");
  matchWork += work;
  return compiled.test(text);
}

/** The work of all matches since the last call: what a meter charges for. */
export function takeMatchWork(): number {
  const work = matchWork;
  matchWork = 0;
  return work;
}

/** Compiles (or remembers) a pattern. @throws CelBound when RE2 does not accept it. */
export function compilePattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  if (pattern.length > MAX_PATTERN) throw new CelBound(`a pattern has at most ${MAX_PATTERN} characters`);
  let compiled: RE2JS;
  try {
    compiled = new RE2JS(pattern);
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message.slice(0, 120)}` : "";
    throw new CelBound(`\`${pattern.slice(0, 80)}\` is not an RE2 pattern${why}`);
  }
  if (compiled.re2Input.prog.numInst() > MAX_INSTRUCTIONS) {
    throw new CelBound(`the pattern \`${pattern.slice(0, 80)}\` repeats too much`);
  }
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  patterns.set(pattern, compiled);
  return compiled;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const TIMESTAMP = "google.protobuf.Timestamp";
const sync = { async: false } as const;

/**
 * Functions that stand in for the library's of the same meaning: `matches` runs on RE2 rather than on a
 * backtracking engine, `timestamp` needs an offset (the library would read the host's time zone), and the
 * ASCII case functions leave other letters alone as the CEL extension says.
 */
export const replacements: Readonly<Record<string, string>> = {
  matches: "re2Matches",
  timestamp: "instant",
  lowerAscii: "asciiLower",
  upperAscii: "asciiUpper",
};

const base = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: false,
  limits: { maxAstNodes: 500, maxDepth: 40, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 4 },
})
  .registerFunction(
    "string.re2Matches(string): bool",
    (text: string, pattern: string) => re2Finds(pattern, text),
    sync,
  )
  .registerFunction(
    "string.asciiLower(): string",
    (text: string) => text.replace(/[A-Z]+/g, (s) => s.toLowerCase()),
    sync,
  )
  .registerFunction(
    "string.asciiUpper(): string",
    (text: string) => text.replace(/[a-z]+/g, (s) => s.toUpperCase()),
    sync,
  )
  .registerFunction(`instant(string): ${TIMESTAMP}`, instantOfText, sync)
  .registerFunction(`instant(int): ${TIMESTAMP}`, (seconds: bigint) => instant(Number(seconds) * 1000), sync)
  .registerFunction(`string(${TIMESTAMP}): string`, (at: Date) => at.toISOString(), sync);

const environments = new Map<string, Environment>();

/** The environment in which exactly these variables are known. */
export function environmentOf(variables: readonly string[]): Environment {
  const key = variables.join(" ");
  let environment = environments.get(key);
  if (environment === undefined) {
    environment = base.clone();
    for (const name of variables) environment.registerVariable(name, "dyn");
    environments.set(key, environment);
  }
  return environment;
}

function instantOfText(text: string): Date {
  if (!INSTANT.test(text)) throw new CelBound("timestamp() needs RFC 3339 with an offset");
  return instant(Date.parse(text));
}

function instant(millis: number): Date {
  // The range of google.protobuf.Timestamp: years 1 to 9999.
  if (millis >= -62135596800000 && millis <= 253402300799999) return new Date(millis);
  throw new CelBound("timestamp() is out of range");
}
