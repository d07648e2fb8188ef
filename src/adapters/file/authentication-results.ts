import type { JsonObject } from "../../format/json.ts";

/**
 * Reads one Authentication-Results header (RFC 8601 section 2.2): which server judged, and what each method
 * gave. Comments are dropped; what does not follow the grammar is left out. Empty when there is no server.
 *
 * The header says what a server wrote, or what somebody wrote in its name.
 */
export function readAuthenticationResults(value: string): JsonObject[] {
  const [head = "", ...parts] = splitOutsideQuotes(dropComments(value), ";");
  const server = tokensOf(head)[0];
  if (server === undefined) return [];
  return [{ server: unquote(server), methods: parts.flatMap(readMethod) }];
}

/** `method[/version]=result [reason=…] [ptype.property=value]…` */
function readMethod(text: string): JsonObject[] {
  const pairs = tokensOf(text.replace(/\s*=\s*/g, "=")).map((token) => {
    const equals = token.indexOf("=");
    return equals < 1 ? undefined : [token.slice(0, equals), unquote(token.slice(equals + 1))];
  });
  const [first, ...rest] = pairs;
  const method = first?.[0]?.toLowerCase().split("/", 1)[0]?.trim();
  const result = first?.[1]?.toLowerCase();
  if (method === undefined || result === undefined || !/^[a-z0-9-]+$/.test(method)) return [];
  const properties = Object.fromEntries(
    rest.flatMap((pair) =>
      pair?.[0] === undefined || pair[1] === undefined ? [] : [[pair[0].toLowerCase(), pair[1]]],
    ),
  );
  return [{ method, result, properties }];
}

/** Comments stand in parentheses, may be nested, and do not count inside quotes (RFC 5322 section 3.2.2). */
function dropComments(text: string): string {
  let out = "";
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? "";
    if (char === "\\" && (quoted || depth > 0)) {
      if (depth === 0) out += char + (text[i + 1] ?? "");
      i++;
      continue;
    }
    if (char === '"' && depth === 0) quoted = !quoted;
    if (char === "(" && !quoted) depth++;
    if (depth === 0) out += char;
    if (char === ")" && !quoted && depth > 0) {
      depth--;
      if (depth === 0) out += " ";
    }
  }
  return out;
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (char === separator && !quoted) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return [...parts, part];
}

function tokensOf(text: string): string[] {
  return text.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
}

function unquote(text: string): string {
  const inner = /^"(.*)"$/s.exec(text)?.[1];
  return inner === undefined ? text : inner.replace(/\\(.)/g, "$1");
}
