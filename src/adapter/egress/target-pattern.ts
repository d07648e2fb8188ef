import { holdsBlock } from "../../contract/scope-address.ts";
import { coversHost, parseHost, type ScopeHost } from "../../contract/scope-host.ts";
import { parseScopePattern, type ScopePattern } from "../../contract/scope-pattern.ts";
import { coversUrl, parseScopeUrl, type ScopeUrl, sameOrigin, touchesUrl } from "../../contract/scope-url.ts";

/** A place that may be dialled: a host, a port and, for a redirect, the whole URL. */
export interface Place {
  readonly host: ScopeHost;
  readonly port: number;
  readonly url: ScopeUrl | undefined;
}

/** Reads a place; undefined when its host is neither name nor address, or its URL is none. */
export function parsePlace(host: string, port: number, redirect: string | undefined): Place | undefined {
  const parsed = parseHost(host);
  const url = redirect === undefined ? undefined : parseScopeUrl(redirect);
  if (parsed === undefined || (redirect !== undefined && url === undefined)) return undefined;
  return { host: parsed, port, url };
}

/** Whether a pattern of the scope's inclusions covers a place that is dialled. Pure. */
export function coversPlace(pattern: ScopePattern, place: Place): boolean {
  if (pattern.shape !== "url") return holdsPlace(pattern, place);
  return place.url !== undefined && coversUrl(pattern.url, place.url);
}

/** Whether a pattern of the scope's exclusions catches a place that is dialled, under any reading of its path. Pure. */
export function touchesPlace(pattern: ScopePattern, place: Place): boolean {
  if (pattern.shape !== "url") return holdsPlace(pattern, place);
  return place.url !== undefined && touchesUrl(pattern.url, place.url);
}

/**
 * Whether the scope names URLs of the very origin that a place is on: then a redirect there has to stay below one of
 * them, although its host and port are declared. Pure.
 */
export function namesOrigin(pattern: ScopePattern, { url }: Place): boolean {
  return pattern.shape === "url" && url !== undefined && sameOrigin(pattern.url, url);
}

function holdsPlace(pattern: ScopePattern, place: Place): boolean {
  switch (pattern.shape) {
    case "host":
      return coversHost(pattern.host, place.host);
    case "block":
      return "address" in place.host && holdsBlock(pattern.block, place.host.address);
    case "endpoint":
      return pattern.port === place.port && coversHost(pattern.host, place.host);
    default:
      return false;
  }
}

const parsed = new WeakMap<readonly string[], readonly ScopePattern[]>();

/**
 * The patterns of a scope in parsed form, kept for the list.
 *
 * @throws RangeError for a pattern that is none: a scope that cannot be read permits nothing.
 */
export function parsePatterns(patterns: readonly string[]): readonly ScopePattern[] {
  let list = parsed.get(patterns);
  if (list === undefined) {
    list = patterns.map((text) => {
      const result = parseScopePattern(text);
      if (!result.ok) throw new RangeError(`scope pattern \`${text}\`: ${result.message}`);
      return result.pattern;
    });
    parsed.set(patterns, list);
  }
  return list;
}
