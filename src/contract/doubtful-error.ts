import type { Idempotency } from "./vocabulary.ts";

/** Codes that come with an answer, so that it is known that the call ended and how. */
const ANSWERED: ReadonlySet<string> = new Set([
  "HTTP_STATUS",
  "EXIT_STATUS",
  "EGRESS_REFUSED",
  "EVIDENCE_INCOMPLETE",
  "OUTPUT_CONTRACT_VIOLATION",
  "SQL_ERROR",
  "LDAP_RESULT",
  "SMTP_REPLY",
  "TOOL_ERROR",
  "PROTOCOL_ERROR",
  "PAGE_REFUSED",
  "PAGE_LOOP",
]);
/** Codes of calls that were refused here before anything of them was sent. */
const REFUSED_HERE: ReadonlySet<string> = new Set([
  "PARAMETERS_INVALID",
  "BODY_AMBIGUOUS",
  "HEADER_REFUSED",
  "URL_MALFORMED",
  "PATH_REFUSED",
  "SECRET_MISSING",
  "DEFINITION_CHANGED",
  "TOOL_MISSING",
  "ORIGIN_REFUSED",
  "HOST_KEY_CHANGED",
  "KEY_UNREADABLE",
  "FILTER_MALFORMED",
  "DN_MALFORMED",
  "CLEARTEXT_REFUSED",
  "INPUT_REFUSED",
  "PLACES_EXCEEDED",
  "PORTS_MISSING",
  "PROTOCOL_REFUSED",
]);
/** Phases in which nothing of the action has left yet, or, of a message (`message`), not its end, without which it is none. */
const BEFORE_SENDING: ReadonlySet<string> = new Set([
  "prepare",
  "resolve",
  "connect",
  "tls",
  "spawn",
  "login",
  "envelope",
  "message",
]);

/** What an adapter says of an error, as far as it tells whether the action was sent. */
interface CallError {
  readonly code: string;
  readonly phase: string;
}

/**
 * Whether nothing of an action can have been sent when its call ended with this error. Pure: the wrapper and the
 * verifier get the same.
 *
 * @param dialled how many addresses were dialled; after a second one the first may have had the action.
 */
export function isUnsent({ code, phase }: CallError, dialled: number): boolean {
  return REFUSED_HERE.has(code) || (BEFORE_SENDING.has(phase) && dialled <= 1);
}

/**
 * Whether nobody here knows if an action happened, when its call ended with this error: it is `unsafe`, may have been
 * sent, and was not answered. What is not `unsafe` can be repeated and needs no doubt.
 *
 * @param dialled as for `isUnsent`.
 */
export function isDoubtful(idempotency: Idempotency, error: CallError, dialled: number): boolean {
  return idempotency === "unsafe" && !isUnsent(error, dialled) && !ANSWERED.has(error.code);
}
