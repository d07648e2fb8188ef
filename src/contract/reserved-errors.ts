import type { Side } from "./vocabulary.ts";

/** Classes that contracts need not declare (design section 3), and whose side they are. */
export const reservedErrors: Readonly<
  Record<string, { readonly side: Side; readonly retryable: boolean; readonly meaning: string }>
> = {
  AUTH_REJECTED: { side: "external", retryable: false, meaning: "the external system refused the identity" },
  RATE_LIMITED: { side: "external", retryable: true, meaning: "the external system asked for fewer calls" },
  UNAVAILABLE: {
    side: "external",
    retryable: true,
    meaning: "the external system could not be reached or said it is down",
  },
  TIMEOUT: { side: "external", retryable: true, meaning: "no complete answer within the deadline" },
  EGRESS_REFUSED: { side: "witnessops", retryable: false, meaning: "the egress guard refused the address" },
  OUTPUT_CONTRACT_VIOLATION: {
    side: "external",
    retryable: false,
    meaning: "the answer does not fit the declared outputs",
  },
  UNDECLARED_ERROR: {
    side: "external",
    retryable: false,
    meaning: "an error that the contract does not declare",
  },
  SIZE_EXCEEDED: {
    side: "external",
    retryable: false,
    meaning: "the answer is larger than the contract allows",
  },
  EVIDENCE_INCOMPLETE: {
    side: "external",
    retryable: false,
    meaning: "a required artifact was not captured",
  },
};

const BY_CODE: Readonly<Record<string, string>> = {
  ETIMEDOUT: "TIMEOUT",
  ESOCKETTIMEDOUT: "TIMEOUT",
  TIMEOUT: "TIMEOUT",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  EPIPE: "UNAVAILABLE",
  EHOSTUNREACH: "UNAVAILABLE",
  ENETUNREACH: "UNAVAILABLE",
  ENOTFOUND: "UNAVAILABLE",
  EAI_AGAIN: "UNAVAILABLE",
};
const BY_STATUS: Readonly<Record<number, string>> = {
  401: "AUTH_REJECTED",
  403: "AUTH_REJECTED",
  429: "RATE_LIMITED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

/** LDAP result codes, RFC 4511 appendix A. */
const BY_RESULT: Readonly<Record<number, string>> = {
  3: "TIMEOUT",
  4: "SIZE_EXCEEDED",
  7: "AUTH_REJECTED",
  8: "AUTH_REJECTED",
  13: "AUTH_REJECTED",
  48: "AUTH_REJECTED",
  49: "AUTH_REJECTED",
  50: "AUTH_REJECTED",
  51: "UNAVAILABLE",
  52: "UNAVAILABLE",
};
/** SMTP reply codes, RFC 5321 section 4.2.3 and RFC 4954 section 6. */
const BY_REPLY: Readonly<Record<number, string>> = {
  421: "UNAVAILABLE",
  450: "UNAVAILABLE",
  451: "UNAVAILABLE",
  452: "UNAVAILABLE",
  454: "UNAVAILABLE",
  530: "AUTH_REJECTED",
  534: "AUTH_REJECTED",
  535: "AUTH_REJECTED",
  538: "AUTH_REJECTED",
};

/** Codes of undeclared errors that arose before the external system had any part in them, and whose they are. */
const SIDE_BY_CODE: Readonly<Record<string, Side>> = {
  CANCELLED: "operator",
  PARAMETERS_INVALID: "operator",
  SECRET_MISSING: "operator",
  ADAPTER_DEFECT: "witnessops",
  RESULT_UNMASKABLE: "witnessops",
};

/** Whose side an undeclared error is on. */
export function sideOfUndeclared(code: string): Side {
  return Object.hasOwn(SIDE_BY_CODE, code) ? (SIDE_BY_CODE[code] ?? "external") : "external";
}

/** The reserved class of a fault by its code, and the status, result or reply that the system answered; `UNDECLARED_ERROR` when none fits. */
export function reservedClassOf(error: { readonly code: string; readonly [fact: string]: unknown }): string {
  const { code, status, resultCode, reply } = error;
  if (code === "HTTP_STATUS" && typeof status === "number") return BY_STATUS[status] ?? "UNDECLARED_ERROR";
  if (code === "LDAP_RESULT" && typeof resultCode === "number")
    return BY_RESULT[resultCode] ?? "UNDECLARED_ERROR";
  if (code === "SMTP_REPLY" && typeof reply === "number") return BY_REPLY[reply] ?? "UNDECLARED_ERROR";
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code] ?? "UNDECLARED_ERROR";
  return Object.hasOwn(reservedErrors, code) ? code : "UNDECLARED_ERROR";
}
