import PostalMime, { type Address, type Attachment, type Email, type Mailbox } from "postal-mime";
import { normalHost } from "../../adapter/host-name.ts";
import { digestOf } from "../../format/digest.ts";
import type { JsonObject } from "../../format/json.ts";
import { readAuthenticationResults } from "./authentication-results.ts";
import { extractLinks } from "./extract-links.ts";

const LIMITS = { maxNestingDepth: 32, maxHeadersSize: 1 << 20, maxRfc822NestingDepth: 3 };
const MAX_ATTACHMENTS = 200;
/** Headers of which a message has at least one (RFC 5322 section 3.6 requires the first two). */
const TELLING = ["from", "date", "received", "message-id", "subject", "to"];

/**
 * Reads an Internet message (RFC 5322, MIME): who it says it is from, the headers that servers added, the
 * links of its text and HTML, and its attachments by digest. Nothing is fetched, run or unpacked. Undefined
 * for bytes that are no message.
 */
export async function parseEmail(bytes: Uint8Array): Promise<JsonObject | undefined> {
  let email: Email;
  try {
    email = await PostalMime.parse(bytes, LIMITS);
  } catch {
    return undefined;
  }
  if (!email.headers.some(({ key }) => TELLING.includes(key))) return undefined;
  const [from] = mailboxes(email.from === undefined ? [] : [email.from]);
  const [replyTo] = mailboxes(email.replyTo ?? []);
  const links = extractLinks(email.html, email.text);
  return {
    ...(from === undefined ? {} : { from }),
    ...(replyTo === undefined ? {} : { replyTo }),
    to: mailboxes(email.to ?? []),
    ...optional("subject", email.subject),
    ...optional("date", email.date),
    ...optional("messageId", email.messageId),
    ...optional("returnPath", email.returnPath),
    received: headersOf(email, "received"),
    authenticationResults: headersOf(email, "authentication-results").flatMap(readAuthenticationResults),
    links: links.map((link) => ({ ...link })),
    linkHosts: [...new Set(links.map(({ host }) => host))].sort(),
    attachments: email.attachments.slice(0, MAX_ATTACHMENTS).map(describeAttachment),
  };
}

function mailboxes(addresses: readonly Address[]): JsonObject[] {
  return addresses
    .flatMap((address): readonly Mailbox[] => (address.group === undefined ? [address] : address.group))
    .filter(({ address }) => address !== "")
    .map(({ name, address }) => ({
      name: name.toWellFormed(),
      address: address.toWellFormed(),
      domain: domainOf(address),
    }));
}

/** The domain after the last `@`, in ASCII where that is possible. */
function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf("@") + 1).toWellFormed();
  return normalHost(domain) ?? domain.toLowerCase();
}

/** Values of a header, top of the message (newest) first, unfolded. */
function headersOf(email: Email, key: string): string[] {
  return email.headers
    .filter((header) => header.key === key)
    .map(({ value }) => value.replace(/\s+/g, " ").trim().toWellFormed());
}

function describeAttachment({ filename, mimeType, content }: Attachment): JsonObject {
  const bytes = content instanceof ArrayBuffer ? new Uint8Array(content) : Buffer.from(content);
  return {
    name: filename?.toWellFormed() ?? null,
    mediaType: mimeType.toWellFormed(),
    size: bytes.length,
    sha256: digestOf(bytes),
  };
}

function optional(name: string, value: string | undefined): JsonObject {
  return value === undefined || value === "" ? {} : { [name]: value.toWellFormed() };
}
