import ipaddr from "ipaddr.js";
import { type AddressBlock, holdsBlock, parseAddress } from "../contract/scope-address.ts";
import type { ScopePattern } from "../contract/scope-pattern.ts";
import { addressBytes, normalAddress } from "./host-name.ts";

/** What the guard decided about the addresses of one host. */
export type AddressDecision =
  | { readonly ok: true; readonly addresses: readonly [string, ...string[]] }
  | { readonly ok: false; readonly reason: string; readonly address?: string };

/**
 * Addresses that serve credentials to whoever asks from inside a cloud. Most lie in ranges that are refused
 * anyway; they are named so that the reason says what they are, and for the one that is public.
 */
const METADATA = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "100.100.100.200",
  "168.63.129.16",
  "fd00:ec2::254",
]);

const REASONS: Readonly<Record<string, string>> = {
  loopback: "loopback",
  private: "private",
  uniqueLocal: "private",
  linkLocal: "link-local",
  carrierGradeNat: "carrier-grade-nat",
  multicast: "multicast",
  broadcast: "broadcast",
  unspecified: "unspecified",
};

/**
 * Decides whether the addresses that a host resolved to may be dialled (design section 5). Pure.
 *
 * An allowed name authorizes its addresses, except what an exclusion names and except loopback, private,
 * link-local, metadata and other special ranges, unless an `address:` or `cidr:` pattern in `include`
 * names them. A wide CIDR that merely spans a special range (`cidr:0.0.0.0/0`) does not name it. One
 * forbidden address refuses all. IPv4-mapped IPv6 is IPv4.
 *
 * @returns the addresses in normal form, IPv4 first, or the reason code of the refusal.
 */
export function decideAddresses(facts: {
  readonly addresses: readonly string[];
  readonly include: readonly ScopePattern[];
  readonly exclude: readonly ScopePattern[];
}): AddressDecision {
  const include = blocksOf(facts.include);
  const exclude = blocksOf(facts.exclude);
  const allowed = new Set<string>();
  for (const text of facts.addresses) {
    const block = parseAddress(text);
    const address = normalAddress(text);
    if (block === undefined || address === undefined) {
      return { ok: false, reason: "address-malformed", address: text };
    }
    if (exclude.some((outer) => holdsBlock(outer, block))) return { ok: false, reason: "excluded", address };
    const range = rangeOf(block);
    const named = include.some((outer) => holdsBlock(outer, block) && liesIn(outer, range));
    if (!named && METADATA.has(address)) return { ok: false, reason: "metadata", address };
    if (!named && range !== "unicast") return { ok: false, reason: REASONS[range] ?? "reserved", address };
    allowed.add(address);
  }
  const isV6 = (address: string) => address.includes(":");
  const [first, ...rest] = [...allowed].sort((a, b) => Number(isV6(a)) - Number(isV6(b)));
  return first === undefined
    ? { ok: false, reason: "no-address" }
    : { ok: true, addresses: [first, ...rest] };
}

function blocksOf(patterns: readonly ScopePattern[]): AddressBlock[] {
  return patterns.flatMap((pattern) => {
    if (pattern.shape === "block") return [pattern.block];
    const exact = pattern.shape === "host" && pattern.host.form === "exact" ? pattern.host.host : undefined;
    return exact !== undefined && "address" in exact ? [exact.address] : [];
  });
}

/** Whether the whole block lies in one range. */
function liesIn(block: AddressBlock, range: string): boolean {
  const width = block.family === 4 ? 32 : 128;
  const last = block.network | ((1n << BigInt(width - block.bits)) - 1n);
  return rangeOf(block) === range && rangeOf({ ...block, network: last }) === range;
}

/**
 * The special-purpose range (IANA registries) of a block's first address; `unicast` for a public one. Of
 * IPv6 only 2000::/3 is public (RFC 4291 section 2.4): IPv4-compatible addresses and the like are not.
 */
function rangeOf(block: AddressBlock): string {
  const range = ipaddr.fromByteArray(addressBytes(block)).range();
  return range === "unicast" && block.family === 6 && block.network >> 125n !== 1n ? "reserved" : range;
}
