import { boolean, ENUMERATED, element, integer, octets, SEQUENCE, SET } from "./ber.ts";

/** The requests that this client makes, as protocolOp (RFC 4511 section 4). */

const SCOPES = { base: 0, one: 1, subtree: 2 } as const;
const CHANGES = { add: 0, delete: 1, replace: 2 } as const;
/** OID of StartTLS (section 4.14). */
const START_TLS = "1.3.6.1.4.1.1466.20037";

export interface Change {
  readonly op: keyof typeof CHANGES;
  readonly attribute: string;
  readonly values: readonly Uint8Array[];
}

/** Simple bind, section 4.2. */
export function bindRequest(dn: string, password: string): Buffer {
  return element(0x60, integer(3), octets(dn), octets(password, 0x80));
}

export function startTlsRequest(): Buffer {
  return element(0x77, octets(START_TLS, 0x80));
}

/** Section 4.5.1; aliases are never followed. @param search.filter an encoded filter. */
export function searchRequest(search: {
  readonly base: string;
  readonly scope: keyof typeof SCOPES;
  readonly sizeLimit: number;
  readonly timeLimitSeconds: number;
  readonly filter: Buffer;
  readonly attributes: readonly string[];
}): Buffer {
  return element(
    0x63,
    octets(search.base),
    integer(SCOPES[search.scope], ENUMERATED),
    integer(0, ENUMERATED),
    integer(search.sizeLimit),
    integer(search.timeLimitSeconds),
    boolean(false),
    search.filter,
    element(SEQUENCE, ...search.attributes.map((name) => octets(name))),
  );
}

/** Section 4.6: all changes or none. */
export function modifyRequest(dn: string, changes: readonly Change[]): Buffer {
  const list = changes.map(({ op, attribute, values }) =>
    element(
      SEQUENCE,
      integer(CHANGES[op], ENUMERATED),
      element(SEQUENCE, octets(attribute), element(SET, ...values.map((value) => octets(value)))),
    ),
  );
  return element(0x66, octets(dn), element(SEQUENCE, ...list));
}

/** Section 4.10. */
export function compareRequest(dn: string, attribute: string, value: Uint8Array): Buffer {
  return element(0x6e, octets(dn), element(SEQUENCE, octets(attribute), octets(value)));
}

export function unbindRequest(): Buffer {
  return element(0x42);
}
