import {
  BerMalformed,
  contentOf,
  type Element,
  ENUMERATED,
  element,
  INTEGER,
  integer,
  MAX_ELEMENTS,
  OCTETS,
  octets,
  readElements,
  readNumber,
  SEQUENCE,
  SET,
} from "./ber.ts";

/** Tags of the answers that this client reads (RFC 4511 appendix B). */
export const ANSWER = {
  bind: 0x61,
  entry: 0x64,
  searchDone: 0x65,
  modify: 0x67,
  compare: 0x6f,
  reference: 0x73,
  extended: 0x78,
} as const;

/** OID of the simple paged results control (RFC 2696). */
const PAGED = "1.2.840.113556.1.4.319";
const MAX_REFERRALS = 32;

/** One message of the server. */
export interface Message {
  /** 0: nobody asked for it. */
  readonly id: number;
  readonly tag: number;
  readonly body: Buffer;
  readonly controls: readonly Element[];
}

/** LDAPResult, section 4.1.9. */
export interface LdapResult {
  readonly resultCode: number;
  readonly matchedDn: string;
  readonly diagnosticMessage: string;
  readonly referrals: readonly string[];
}

/** An attribute with its values as the server sent them. */
export interface Attribute {
  readonly name: string;
  readonly values: readonly Buffer[];
}

/** LDAPMessage of a request. @param operation an encoded protocolOp. */
export function encodeMessage(id: number, operation: Buffer, controls?: Buffer): Buffer {
  return element(SEQUENCE, integer(id), operation, ...(controls === undefined ? [] : [controls]));
}

/** @throws BerMalformed. */
export function decodeMessage(content: Buffer): Message {
  const [id, operation, controls] = readElements(content);
  if (operation === undefined) throw new BerMalformed("a message without an operation");
  return {
    id: readNumber(contentOf(id, INTEGER, "message id"), "a message id"),
    tag: operation.tag,
    body: operation.content,
    controls: controls?.tag === 0xa0 ? readElements(controls.content) : [],
  };
}

/** @throws BerMalformed. */
export function decodeResult(body: Buffer): LdapResult {
  const [code, matched, text, referral] = readElements(body);
  return {
    resultCode: readNumber(contentOf(code, ENUMERATED, "result code"), "a result code"),
    matchedDn: shown(contentOf(matched, OCTETS, "matched name")),
    diagnosticMessage: shown(contentOf(text, OCTETS, "diagnostic message")),
    referrals: referral?.tag === 0xa3 ? decodeReferrals(referral.content) : [],
  };
}

/** URIs of a referral or of a search result reference. @throws BerMalformed. */
export function decodeReferrals(content: Buffer): readonly string[] {
  return readElements(content)
    .slice(0, MAX_REFERRALS)
    .map((uri) => shown(contentOf(uri, OCTETS, "referral")));
}

/** @throws BerMalformed. */
export function decodeEntry(body: Buffer): {
  readonly dn: string;
  readonly attributes: readonly Attribute[];
} {
  const [name, list] = readElements(body);
  let left = MAX_ELEMENTS;
  /** Of all attributes together. */
  const bounded = (bytes: Buffer): readonly Element[] => {
    const found = readElements(bytes, left);
    left -= found.length;
    return found;
  };
  const attributes = bounded(contentOf(list, SEQUENCE, "attribute list")).map((one) => {
    const [type, values] = readElements(contentOf(one, SEQUENCE, "attribute"));
    return {
      name: contentOf(type, OCTETS, "attribute name").toString("utf8"),
      values: bounded(contentOf(values, SET, "set of values")).map((value) =>
        contentOf(value, OCTETS, "value"),
      ),
    };
  });
  return { dn: contentOf(name, OCTETS, "name of an entry").toString("utf8"), attributes };
}

/** Asks for a page of a search; not critical, so that servers without pages answer too. */
export function pagedControl(size: number, cookie: Uint8Array): Buffer {
  const value = element(SEQUENCE, integer(size), octets(cookie));
  return element(0xa0, element(SEQUENCE, octets(PAGED), octets(value)));
}

/** The cookie of the next page; empty when there is none. @throws BerMalformed. */
export function nextPage(controls: readonly Element[]): Buffer {
  for (const control of controls) {
    const parts = readElements(contentOf(control, SEQUENCE, "control"));
    if (contentOf(parts[0], OCTETS, "type of a control").toString("latin1") !== PAGED) continue;
    const value = contentOf(parts.at(-1), OCTETS, "value of a control");
    const [sequence] = readElements(value);
    const [, cookie] = readElements(contentOf(sequence, SEQUENCE, "page"));
    return contentOf(cookie, OCTETS, "cookie");
  }
  return Buffer.alloc(0);
}

function shown(bytes: Buffer): string {
  return bytes.subarray(0, 2000).toString("utf8").toWellFormed();
}
