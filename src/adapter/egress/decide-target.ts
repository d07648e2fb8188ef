import type { ActionEndpoint } from "../../contract/action-document.ts";
import type { ScopePattern } from "../../contract/scope-pattern.ts";
import { hostPort, normalAddress, normalHost } from "../host-name.ts";
import { coversPlace, namesOrigin, parsePlace, touchesPlace } from "./target-pattern.ts";

/** What one action may reach. */
export interface EgressRules {
  /** The action document's endpoints. */
  readonly endpoints: readonly ActionEndpoint[];
  /** The engagement's scope patterns. */
  readonly include: readonly ScopePattern[];
  readonly exclude: readonly ScopePattern[];
  /** Resolvers that DNS questions may go to without an endpoint, `ip:port`. */
  readonly nameServers: readonly string[];
}

export type TargetDecision =
  /** `trustedAddress`: a configured name server, whose address is not decided again. */
  | { readonly ok: true; readonly host: string; readonly trustedAddress: boolean }
  | { readonly ok: false; readonly reason: string };

/**
 * Decides, before anything is resolved, whether a target may be contacted. Pure.
 *
 * A target that the contract named must be one of the action's endpoints; one that an answer named
 * (a redirect) must be an endpoint too or lie in the engagement's scope. Exclusions win.
 */
export function decideTarget(
  target: {
    readonly host: string;
    readonly port: number;
    readonly protocol: "tcp" | "udp";
    readonly redirect?: string | undefined;
    readonly nameServer?: boolean | undefined;
  },
  rules: EgressRules,
): TargetDecision {
  const host = normalHost(target.host);
  if (host === undefined) return { ok: false, reason: "host-malformed" };
  if (!Number.isInteger(target.port) || target.port < 1 || target.port > 65_535) {
    return { ok: false, reason: "port-malformed" };
  }
  const { port, protocol } = target;
  const isServer = (server: string) => normalServer(server) === hostPort(host, port);
  if (target.nameServer === true && rules.nameServers.some(isServer)) {
    return { ok: true, host, trustedAddress: true };
  }
  const place = parsePlace(target.host, port, target.redirect);
  if (place === undefined) return { ok: false, reason: "url-malformed" };
  if (rules.exclude.some((pattern) => touchesPlace(pattern, place))) return { ok: false, reason: "excluded" };
  const listed = rules.endpoints.some(
    (endpoint) =>
      normalHost(endpoint.host) === host &&
      (endpoint.port === undefined || endpoint.port === port) &&
      // A truncated UDP answer is asked again over TCP (RFC 7766).
      (endpoint.protocol === protocol || (target.nameServer === true && endpoint.protocol === "udp")),
  );
  const fenced = rules.include.some((pattern) => namesOrigin(pattern, place));
  if (listed && !fenced) return { ok: true, host, trustedAddress: false };
  if (target.redirect === undefined) return { ok: false, reason: "not-an-endpoint" };
  return rules.include.some((pattern) => coversPlace(pattern, place))
    ? { ok: true, host, trustedAddress: false }
    : { ok: false, reason: "redirect-outside-scope" };
}

/** `192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53` as `ip:port`; undefined when it is none of these. */
export function normalServer(text: string): string | undefined {
  const bare = normalAddress(text);
  if (bare !== undefined) return hostPort(bare, 53);
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : normalAddress(match[1]);
  return address === undefined ? undefined : hostPort(address, Number(match?.[2]));
}
