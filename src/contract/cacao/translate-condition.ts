import { celString } from "./playbook-text.ts";
import { wholeVariable } from "./variable-names.ts";

const TOKEN =
  /\s*(__[A-Za-z][A-Za-z0-9_-]{0,199}?__:value|\$\$[A-Za-z][A-Za-z0-9_-]{0,199}\$\$(?:[.:]value)?|'[^'\\]*'|-?\d{1,15}(?:\.\d{1,15})?(?![\w.])|<=|>=|!=|==|=|<|>|\[|\]|AND\b|OR\b|true\b|false\b)/iy;
const MAX_TOKENS = 100;

/**
 * A condition in the small part of STIX patterning that compares variables with literals, as CEL; undefined for anything
 * else, which a person answers instead.
 *
 * @param reference the CEL that stands for a variable, with whether its values are texts; undefined when there is none.
 */
export function translateCondition(
  condition: string,
  reference: (variable: string) => { readonly cel: string; readonly text: boolean } | undefined,
): string | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const text = condition.trim();
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined || tokens.length === MAX_TOKENS) return undefined;
    tokens.push(token);
  }
  if (tokens[0] === "[" && tokens.at(-1) === "]") tokens.splice(0, tokens.length, ...tokens.slice(1, -1));
  const out: string[] = [];
  let joint: string | undefined;
  for (let index = 0; index < tokens.length; index += 4) {
    const [left = "", operator = "", right = "", then] = tokens.slice(index, index + 4);
    const variable = wholeVariable(left);
    const known = variable === undefined ? undefined : reference(variable);
    if (known === undefined || !/^([<>=!]=?)$/.test(operator)) return undefined;
    const quoted = right.startsWith("'");
    // A text is never compared with a number: CEL would fail when it is too late.
    if (quoted !== known.text || !/^('|-?\d|true$|false$)/i.test(right)) return undefined;
    if (!quoted && /^[a-z]/i.test(right) && !/^[=!]=?$/.test(operator)) return undefined;
    const value = quoted ? celString(right.slice(1, -1)) : right.toLowerCase();
    out.push(`${known.cel} ${operator === "=" ? "==" : operator} ${value}`);
    if (then === undefined) break;
    // `AND` and `OR` side by side mean one thing in STIX and another in CEL only for those who do not look; a person does.
    const next = then.toUpperCase() === "AND" ? "&&" : then.toUpperCase() === "OR" ? "||" : undefined;
    if (next === undefined || (joint !== undefined && joint !== next) || index + 4 >= tokens.length)
      return undefined;
    joint = next;
    out.push(next);
  }
  return out.length === 0 ? undefined : out.join(" ");
}
