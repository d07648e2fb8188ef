import { type AddressBlock, holdsBlock, parseAddress } from "./scope-address.ts";

/** One host: a name in ASCII form, lower case, without a trailing dot; or a literal address. */
export type ScopeHost = { readonly name: string } | { readonly address: AddressBlock };

/** Hosts that a pattern names: one, the subdomains of one at any depth, or every name. */
export type HostPattern =
  | { readonly form: "exact"; readonly host: ScopeHost }
  | { readonly form: "subdomains"; readonly name: string }
  | { readonly form: "any" };

/**
 * Reads a host: a name (converted with UTS 46, so that confusables stay apart as `xn--` labels), or a literal
 * address, IPv6 with or without brackets. Undefined for what is neither, and for the decimal, octal, hex
 * and shortened spellings that resolvers read as IPv4 addresses.
 */
export function parseHost(text: string): ScopeHost | undefined {
  const address = parseAddress(text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text);
  if (address !== undefined) return { address };
  if (text === "" || text.length > MAX_NAME * 4 || FORBIDDEN.test(text) || !text.isWellFormed())
    return undefined;
  const url = URL.parse(`http://${text}/`);
  if (url === null) return undefined;
  const name = url.hostname.replace(/\.$/, "");
  if (name.length > MAX_NAME) return undefined;
  const labels = name.split(".");
  // A last label that is a number makes the whole an IPv4 address to a resolver (WHATWG URL, "ends in a number").
  if (/^([0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return undefined;
  return labels.every((label) => LABEL.test(label)) ? { name } : undefined;
}

/** Reads `*`, `*.example.com` or a host. */
export function parseHostPattern(text: string): HostPattern | undefined {
  if (text === "*") return { form: "any" };
  const host = parseHost(text.startsWith("*.") ? text.slice(2) : text);
  if (host === undefined) return undefined;
  if (!text.startsWith("*.")) return { form: "exact", host };
  return "name" in host ? { form: "subdomains", name: host.name } : undefined;
}

/** Whether the pattern names the host. `*` names every name and no literal address. */
export function coversHost(pattern: HostPattern, host: ScopeHost): boolean {
  switch (pattern.form) {
    case "any":
      return "name" in host;
    case "subdomains":
      return "name" in host && host.name.endsWith(`.${pattern.name}`);
    case "exact":
      if ("name" in pattern.host) return "name" in host && host.name === pattern.host.name;
      return "address" in host && holdsBlock(pattern.host.address, host.address);
  }
}

const MAX_NAME = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
// Everything by which a text could leave the host part of a URL, and percent-encoding.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
const FORBIDDEN = /[\u0000-\u0020\u007f%/?#@\\:[\]<>^|*]/;
