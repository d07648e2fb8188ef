import type { ActionEndpoint, ActionSubject } from "../contract/action-document.ts";
import { type AddressBlock, parseAddress, parseCidr } from "../contract/scope-address.ts";
import { parseHost, type ScopeHost } from "../contract/scope-host.ts";
import { parseEndpoint } from "../contract/scope-pattern.ts";
import { parseScopeText } from "../contract/scope-text.ts";
import { parseScopeUrl, type ScopeUrl } from "../contract/scope-url.ts";

/** What an action is about, in the form that is compared with scope patterns. */
export type ScopeSubject =
  | { readonly shape: "host"; readonly host: ScopeHost }
  | { readonly shape: "email-domain"; readonly host: ScopeHost }
  | { readonly shape: "block"; readonly block: AddressBlock }
  | { readonly shape: "url"; readonly url: ScopeUrl }
  /** A port that is not declared may be any port. */
  | { readonly shape: "endpoint"; readonly host: ScopeHost; readonly port: number | undefined }
  | { readonly shape: "text"; readonly kind: string; readonly value: string };

/**
 * Reads a subject of an action. Undefined for everything that is not exactly one target in a spelling that all
 * parties read alike; wildcards are patterns, never subjects.
 */
export function parseSubject(subject: ActionSubject): ScopeSubject | undefined {
  const { kind, value } = subject;
  switch (kind) {
    case "host": {
      const host = parseHost(value);
      return host && { shape: "host", host };
    }
    case "email-domain": {
      const host = parseHost(value);
      return host !== undefined && "name" in host ? { shape: "email-domain", host } : undefined;
    }
    case "address": {
      const block = parseAddress(value);
      return block && { shape: "block", block };
    }
    case "cidr": {
      const block = parseCidr(value);
      return block && { shape: "block", block };
    }
    case "url": {
      const url = parseScopeUrl(value);
      return url && { shape: "url", url };
    }
    case "endpoint": {
      const endpoint = parseEndpoint(value);
      if (endpoint?.host.form !== "exact") return undefined;
      return { shape: "endpoint", host: endpoint.host.host, port: endpoint.port };
    }
    default: {
      if (!/^[a-z][a-z0-9-]*$/.test(kind) || value === "*" || value.endsWith("/*")) return undefined;
      const text = parseScopeText(kind, value);
      return text === undefined ? undefined : { shape: "text", kind, value: text };
    }
  }
}

/** Reads a declared endpoint of an action. */
export function parseActionEndpoint(endpoint: ActionEndpoint): ScopeSubject | undefined {
  const host = parseHost(endpoint.host);
  if (host === undefined) return undefined;
  if (endpoint.port !== undefined && (endpoint.port < 1 || endpoint.port > 65_535)) return undefined;
  return { shape: "endpoint", host, port: endpoint.port };
}
