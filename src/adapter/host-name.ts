import ipaddr from "ipaddr.js";
import { type AddressBlock, parseAddress } from "../contract/scope-address.ts";
import { parseHost } from "../contract/scope-host.ts";

/**
 * A host in the one form that is compared and dialled: a literal address in normal form, or a name in
 * lower-case ASCII without a trailing dot. Undefined for anything that is neither; so are numbers that
 * resolvers read as addresses (`2130706433`, `0x7f.1`, `0177.0.0.1`).
 */
export function normalHost(text: string): string | undefined {
  const host = parseHost(text);
  if (host === undefined) return undefined;
  return "name" in host ? host.name : normalAddress(text.replace(/^\[(.*)\]$/, "$1"));
}

/** A literal address in normal form (mapped IPv6 as IPv4), or undefined when the text is none. */
export function normalAddress(text: string): string | undefined {
  const block = parseAddress(text);
  return block === undefined ? undefined : ipaddr.fromByteArray(addressBytes(block)).toString();
}

/** The first address of a block as its 4 or 16 bytes. */
export function addressBytes({ family, network }: AddressBlock): number[] {
  const size = family === 4 ? 4 : 16;
  return Array.from({ length: size }, (_, i) => Number((network >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

/** `host:port`, with brackets around IPv6. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a literal address in normal form is of the loopback range (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(address);
}

/** Whether a URL's host is this machine by its address, or by the name that RFC 6761 section 6.3 keeps for it. */
export function isThisMachine(host: string): boolean {
  return host === "localhost" || isLoopback(host.replace(/^\[(.*)\]$/, "$1"));
}
