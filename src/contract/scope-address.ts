/** A block of addresses: a single address has all its bits. IPv4-mapped IPv6 (RFC 4291 2.5.5.2) is IPv4. */
export interface AddressBlock {
  readonly family: 4 | 6;
  readonly network: bigint;
  readonly bits: number;
}

/**
 * Reads a literal address: dotted decimal without leading zeros, or IPv6 as RFC 4291 writes it, without a
 * zone. Every other spelling that some resolver takes for an address (octal, hex, one number) is none here.
 */
export function parseAddress(text: string): AddressBlock | undefined {
  const four = parseFour(text);
  if (four !== undefined) return { family: 4, network: four, bits: 32 };
  const six = parseSix(text);
  if (six === undefined) return undefined;
  return six >> 32n === MAPPED
    ? { family: 4, network: six & 0xffff_ffffn, bits: 32 }
    : { family: 6, network: six, bits: 128 };
}

/** Reads `address/bits` (RFC 4632, RFC 4291 2.3). Undefined when malformed or when host bits are set. */
export function parseCidr(text: string): AddressBlock | undefined {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  if (address === undefined || match?.[1] === undefined) return undefined;
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`; a mapped block wider than /96 would be more than IPv4.
  const shift = address.family === 4 && match[1].includes(":") ? 96 : 0;
  const bits = Number(match[2]) - shift;
  if (bits < 0 || bits > widthOf(address)) return undefined;
  const hostBits = BigInt(widthOf(address) - bits);
  if ((address.network >> hostBits) << hostBits !== address.network) return undefined;
  return { family: address.family, network: address.network, bits };
}

/** Whether `outer` holds all of `inner`. */
export function holdsBlock(outer: AddressBlock, inner: AddressBlock): boolean {
  if (outer.family !== inner.family || outer.bits > inner.bits) return false;
  const hostBits = BigInt(widthOf(outer) - outer.bits);
  return outer.network >> hostBits === inner.network >> hostBits;
}

const MAPPED = 0xffffn;

function widthOf(block: AddressBlock): number {
  return block.family === 4 ? 32 : 128;
}

function parseFour(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined;
  let value = 0n;
  for (const part of text.split(".")) {
    if (Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseSix(text: string): bigint | undefined {
  if (!text.includes(":") || !/^[0-9a-fA-F:.]{2,45}$/.test(text)) return undefined;
  // The WHATWG parser reads IPv6 strictly and writes it in the form of RFC 5952.
  const url = URL.parse(`http://[${text}]/`);
  if (url === null) return undefined;
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...new Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return groups.reduce((value, group) => (value << 16n) | BigInt(Number.parseInt(group, 16)), 0n);
}
