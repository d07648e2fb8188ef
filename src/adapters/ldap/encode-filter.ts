import { boolean, element, octets } from "./ber.ts";
import { piecesOf, TextRefused, type Values } from "./bind-values.ts";

const MAX_DEPTH = 20;
/** attributedescription, RFC 4512 section 2.5. */
const DESCRIPTION = /^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*$/;
const OPERATORS = { "~": 0xa8, ">": 0xa5, "<": 0xa6 } as const;

/**
 * A filter (RFC 4515) as the protocol sends it (RFC 4511 section 4.5.1.7). The text is read first, and values are put in for
 * `{name}` afterwards: no value can become syntax, not even a `*`.
 *
 * @throws TextRefused `FILTER_MALFORMED`.
 */
export function encodeFilter(text: string, values: Values): Buffer {
  const { encoded, end } = readFilter(text, 0, values, 0);
  if (end !== text.length) throw refused(`text after the filter: \`${text.slice(end, end + 40)}\``);
  return encoded;
}

interface Part {
  readonly encoded: Buffer;
  readonly end: number;
}

function readFilter(text: string, start: number, values: Values, depth: number): Part {
  if (depth > MAX_DEPTH) throw refused(`a filter is at most ${MAX_DEPTH} levels deep`);
  if (text[start] !== "(") throw refused(`no \`(\` at character ${start + 1} of the filter`);
  const sign = text[start + 1];
  if (sign === "&" || sign === "|") {
    const list: Buffer[] = [];
    let at = start + 2;
    while (text[at] === "(") {
      const { encoded, end } = readFilter(text, at, values, depth + 1);
      list.push(encoded);
      at = end;
    }
    if (list.length === 0) throw refused(`\`${sign}\` without filters`);
    return { encoded: element(sign === "&" ? 0xa0 : 0xa1, ...list), end: closed(text, at) };
  }
  if (sign === "!") {
    const { encoded, end } = readFilter(text, start + 2, values, depth + 1);
    return { encoded: element(0xa2, encoded), end: closed(text, end) };
  }
  const end = text.indexOf(")", start);
  return {
    encoded: encodeItem(text.slice(start + 1, end < 0 ? undefined : end), values),
    end: closed(text, end),
  };
}

function closed(text: string, at: number): number {
  if (text[at] !== ")") throw refused("a `(` of the filter is not closed");
  return at + 1;
}

function encodeItem(item: string, values: Values): Buffer {
  const equals = item.indexOf("=");
  if (equals < 1) throw refused(`\`${item}\` compares nothing`);
  const assertion = item.slice(equals + 1);
  const before = item[equals - 1];
  if (before === ":") return encodeExtensible(item.slice(0, equals - 1), assertion, values);
  const tag = OPERATORS[before as keyof typeof OPERATORS] as number | undefined;
  const attribute = description(item.slice(0, tag === undefined ? equals : equals - 1));
  if (tag !== undefined) return element(tag, octets(attribute), octets(assertedValue(assertion, values)));
  if (assertion === "*") return octets(attribute, 0x87);
  if (!assertion.includes("*"))
    return element(0xa3, octets(attribute), octets(assertedValue(assertion, values)));
  return element(0xa4, octets(attribute), element(0x30, ...substrings(assertion, values)));
}

/** initial [0], any [1] and final [2]; the text decides where they are, and none may be empty. */
function substrings(assertion: string, values: Values): Buffer[] {
  const parts = assertion.split("*");
  return parts.flatMap((part, index) => {
    const isEdge = index === 0 || index === parts.length - 1;
    if (part === "" && isEdge) return [];
    const value = assertedValue(part, values);
    if (value.length === 0) throw refused(`an empty part between the \`*\` of \`${assertion}\``);
    return [octets(value, index === 0 ? 0x80 : index === parts.length - 1 ? 0x82 : 0x81)];
  });
}

/** `attr:dn:rule:=value`; the rule may be left out, or else the attribute. */
function encodeExtensible(left: string, assertion: string, values: Values): Buffer {
  const [attribute = "", ...rest] = left.split(":");
  const dn = rest[0]?.toLowerCase() === "dn";
  const [rule, ...more] = dn ? rest.slice(1) : rest;
  if (more.length > 0 || (attribute === "" && rule === undefined))
    throw refused(`\`${left}:=\` is no matching rule`);
  return element(
    0xa9,
    ...(rule === undefined ? [] : [octets(description(rule), 0x81)]),
    ...(attribute === "" ? [] : [octets(description(attribute), 0x82)]),
    octets(assertedValue(assertion, values), 0x83),
    ...(dn ? [boolean(true, 0x84)] : []),
  );
}

function assertedValue(text: string, values: Values): Buffer {
  const pieces = piecesOf(text);
  if (pieces === undefined) throw refused("a brace in a filter is written `\\7b` or `\\7d`");
  return Buffer.concat(
    pieces.map((piece) => {
      if ("text" in piece) return unescaped(piece.text);
      const value = Object.hasOwn(values, piece.name) ? values[piece.name] : undefined;
      if (value === undefined) throw refused(`there is no value for \`{${piece.name}}\``);
      return Buffer.from(value, "utf8");
    }),
  );
}

/** `\2a` is the byte 2a; the bytes of a character beyond ASCII may be written so too. */
function unescaped(text: string): Buffer {
  return Buffer.concat(
    text.split(/(\\[0-9A-Fa-f]{2})/).map((part) => {
      if (/^\\[0-9A-Fa-f]{2}$/.test(part)) return Buffer.from(part.slice(1), "hex");
      if (part.includes("\0") || /[\\(*]/.test(part))
        throw refused(`\`${part}\` has a character that is written \`\\xx\``);
      return Buffer.from(part, "utf8");
    }),
  );
}

function description(text: string): string {
  if (!DESCRIPTION.test(text)) throw refused(`\`${text}\` names no attribute`);
  return text;
}

function refused(message: string): TextRefused {
  return new TextRefused("FILTER_MALFORMED", message);
}
