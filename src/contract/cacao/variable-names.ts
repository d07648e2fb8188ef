/** A use of a variable in text: `__name__:value` (CACAO 2.0 section 10.18), or `$$name$$` with or without `.value` (1.x). */
export const VARIABLE_USE =
  /__([A-Za-z][A-Za-z0-9_-]{0,199}?)__:value|\$\$([A-Za-z][A-Za-z0-9_-]{0,199})\$\$(?:[.:]value)?/g;

/** The bare name of a variable as a dictionary's key has it: `__ip__` and `$$ip$$` are `ip`. */
export function variableNamed(key: string): string | undefined {
  const match = /^(?:__([A-Za-z][A-Za-z0-9_-]{0,199}?)__|\$\$([A-Za-z][A-Za-z0-9_-]{0,199})\$\$)$/.exec(key);
  return match?.[1] ?? match?.[2];
}

/** The variable that a text is the use of, and nothing else. */
export function wholeVariable(text: string): string | undefined {
  const parts = splitVariables(text);
  const [only] = parts;
  return parts.length === 1 && only !== undefined && "variable" in only ? only.variable : undefined;
}

/** A piece of text: literal, or the use of a variable. */
export type TextPart = { readonly literal: string } | { readonly variable: string };

/** Text in pieces: what stands between the uses of variables, and these. */
export function splitVariables(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE_USE)) {
    if (match.index > end) parts.push({ literal: text.slice(end, match.index) });
    parts.push({ variable: match[1] ?? match[2] ?? "" });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ literal: text.slice(end) });
  return parts;
}
