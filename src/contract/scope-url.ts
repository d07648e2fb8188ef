import { coversHost, parseHost, type ScopeHost } from "./scope-host.ts";

/** An `http` or `https` URL, taken apart for comparison. */
export interface ScopeUrl {
  readonly scheme: "http" | "https";
  readonly host: ScopeHost;
  readonly port: number;
  /** Path segments with dot-segments resolved and unreserved characters decoded (RFC 3986 6.2.2). */
  readonly segments: readonly string[];
  /**
   * The path as the most permissive server reads it: everything percent-decoded, `\` as `/`, `;parameters` and
   * empty segments dropped, dot-segments resolved once more.
   */
  readonly looseSegments: readonly string[];
  readonly hasQuery: boolean;
}

/**
 * Reads a URL. Undefined for another scheme, user information, white space, control characters and
 * backslashes (on which URL parsers disagree), a host that `parseHost` refuses, and a path that is still
 * percent-encoded after four rounds of decoding.
 */
export function parseScopeUrl(text: string): ScopeUrl | undefined {
  const match = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(text);
  if (match === null || FORBIDDEN.test(text) || !text.isWellFormed()) return undefined;
  const authority = /^(\[[^\]]*\]|[^:@[\]]*)(?::([0-9]{1,5}))?$/.exec(match[2] ?? "");
  const host = authority?.[1] === undefined ? undefined : parseHost(authority[1]);
  const url = URL.parse(text);
  if (authority === null || host === undefined || url === null) return undefined;
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  const loose = loosePath(url.pathname);
  if (port === 0 || loose === undefined) return undefined;
  return {
    scheme,
    host,
    port,
    segments: url.pathname.slice(1).split("/").map(decodeUnreserved),
    looseSegments: loose,
    hasQuery: /[?#]/.test(match[3] ?? ""),
  };
}

/** Whether a URL prefix covers a URL as a strict *and* as a permissive server reads its path: for inclusions. */
export function coversUrl(prefix: ScopeUrl, url: ScopeUrl): boolean {
  return (
    sameOrigin(prefix, url) &&
    startsPath(prefix.segments, url.segments) &&
    startsPath(prefix.looseSegments, url.looseSegments)
  );
}

/** Whether a URL is below a prefix under either reading of its path, without regard to case: for exclusions. */
export function touchesUrl(prefix: ScopeUrl, url: ScopeUrl): boolean {
  return (
    sameOrigin(prefix, url) &&
    (startsPath(prefix.segments.map(lower), url.segments.map(lower)) ||
      startsPath(prefix.looseSegments.map(lower), url.looseSegments.map(lower)))
  );
}

/** Whether `prefix` is the beginning of `path`; a trailing slash of the prefix does not matter. */
function startsPath(prefix: readonly string[], path: readonly string[]): boolean {
  const end = prefix.at(-1) === "" ? prefix.length - 1 : prefix.length;
  if (end > path.length) return false;
  for (let i = 0; i < end; i++) if (prefix[i] !== path[i]) return false;
  return true;
}

/**
 * Percent-decodes until nothing changes, at most four times; bytes become characters one by one, so that any
 * byte can be compared. Undefined when it is still encoded then.
 */
export function decodeAll(text: string): string | undefined {
  let current = text;
  for (let round = 0; round < 4; round++) {
    const next = current.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === current) return current;
    current = next;
  }
  return /%[0-9a-fA-F]{2}/.test(current) ? undefined : current;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
const FORBIDDEN = /[\u0000-\u0020\u007f\\]/;

/** Whether two URLs have scheme, host and port in common. */
export function sameOrigin(a: ScopeUrl, b: ScopeUrl): boolean {
  return a.scheme === b.scheme && a.port === b.port && coversHost({ form: "exact", host: a.host }, b.host);
}

function lower(text: string): string {
  return text.toLowerCase();
}

function decodeUnreserved(segment: string): string {
  return segment.replace(/%([0-9a-fA-F]{2})/g, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : encoded.toUpperCase();
  });
}

function loosePath(pathname: string): string[] | undefined {
  const decoded = decodeAll(pathname);
  if (decoded === undefined) return undefined;
  const out: string[] = [];
  for (const part of decoded.split(/[/\\]/)) {
    const segment = part.replace(/;.*$/s, "");
    if (segment === "..") out.pop();
    else if (segment !== "" && segment !== ".") out.push(segment);
  }
  return out;
}
