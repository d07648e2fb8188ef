import { type AddressBlock, parseAddress, parseCidr } from "./scope-address.ts";
import { type HostPattern, parseHostPattern } from "./scope-host.ts";
import { parseScopeText } from "./scope-text.ts";
import { parseScopeUrl, type ScopeUrl } from "./scope-url.ts";

/** A scope pattern in parsed form (`spec/scope.md`). */
export type ScopePattern =
  | { readonly shape: "host"; readonly host: HostPattern }
  | { readonly shape: "email-domain"; readonly host: HostPattern }
  | { readonly shape: "block"; readonly block: AddressBlock }
  | { readonly shape: "url"; readonly url: ScopeUrl }
  | { readonly shape: "endpoint"; readonly host: HostPattern; readonly port: number }
  | {
      readonly shape: "text";
      readonly kind: string;
      readonly value: string;
      /** The value is a prefix on a `/` border; the empty prefix covers the whole kind. */
      readonly prefix: boolean;
    };

export type ScopePatternResult =
  | { readonly ok: true; readonly pattern: ScopePattern }
  | { readonly ok: false; readonly message: string };

/**
 * Parses a scope pattern `kind:value`. Kinds with their own rules are `host`, `address`, `cidr`, `url`, `endpoint`
 * and `email-domain`; every other kind compares as text, with a trailing `/*` (or `*` alone) as a prefix.
 *
 * @returns the pattern, or in plain words what is wrong with it; it never throws.
 */
export function parseScopePattern(text: string): ScopePatternResult {
  const colon = text.indexOf(":");
  const kind = text.slice(0, Math.max(colon, 0));
  const value = text.slice(colon + 1);
  if (!/^[a-z][a-z0-9-]*$/.test(kind) || value === "" || text.length > MAX_LENGTH) {
    return { ok: false, message: "a scope pattern is `kind:value`" };
  }
  const pattern = parseValue(kind, value);
  return typeof pattern === "string" ? { ok: false, message: pattern } : { ok: true, pattern };
}

/** Reads `host:port`, IPv6 in brackets, port 1 to 65535. */
export function parseEndpoint(
  text: string,
): { readonly host: HostPattern; readonly port: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]+):([1-9][0-9]{0,4})$/.exec(text);
  const host = match?.[1] === undefined ? undefined : parseHostPattern(match[1]);
  const port = Number(match?.[2]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

const MAX_LENGTH = 2100;
const HOST_RULE =
  "a name, `*.name`, `*` or a literal address, in dotted decimal without leading zeros if it is IPv4";

function parseValue(kind: string, value: string): ScopePattern | string {
  switch (kind) {
    case "host": {
      const host = parseHostPattern(value);
      return host === undefined ? `a host is ${HOST_RULE}` : { shape: "host", host };
    }
    case "email-domain": {
      const host = parseHostPattern(value);
      if (host === undefined || (host.form === "exact" && "address" in host.host)) {
        return "an e-mail domain is a name, `*.name` or `*`";
      }
      return { shape: "email-domain", host };
    }
    case "address": {
      const block = parseAddress(value);
      return block === undefined ? "an address is a literal IPv4 or IPv6 address" : { shape: "block", block };
    }
    case "cidr": {
      const block = parseCidr(value);
      return block === undefined
        ? "a CIDR block is `address/bits` with no host bits set"
        : { shape: "block", block };
    }
    case "url": {
      const url = parseScopeUrl(value);
      if (url === undefined || url.hasQuery) {
        return "a URL prefix is `http` or `https` with host and path, without user, query or fragment";
      }
      return { shape: "url", url };
    }
    case "endpoint": {
      const endpoint = parseEndpoint(value);
      return endpoint === undefined
        ? `an endpoint is \`host:port\`; a host is ${HOST_RULE}`
        : { shape: "endpoint", ...endpoint };
    }
    default:
      return parseText(kind, value);
  }
}

function parseText(kind: string, value: string): ScopePattern | string {
  if (value === "*") return { shape: "text", kind, value: "", prefix: true };
  const prefix = value.endsWith("/*");
  const text = parseScopeText(kind, prefix ? value.slice(0, -2) : value);
  if (text === undefined) return "a value has no control characters, no outer spaces and no `..` segments";
  if (text.includes("*")) return "`*` stands only alone, or at the end after `/`";
  return { shape: "text", kind, value: text, prefix };
}
