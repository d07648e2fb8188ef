import type { SmtpParameters } from "./parameters.ts";

/** Text of an encoded word in bytes: with `Subject: ` before it, a line stays within 76 characters (RFC 2047 section 2). */
const WORD_BYTES = 39;

/**
 * A message of plain text (RFC 5322, RFC 2045), with CRLF at the end of each line. The parameters' schema lets no control
 * character into a header; text goes as base64, so that no line of it means anything to the protocol.
 *
 * @param id becomes the `Message-ID`, before the sender's domain.
 */
export function buildMessage(
  { from, to, subject, text }: Pick<SmtpParameters, "from" | "to" | "subject" | "text">,
  id: string,
  date: Date,
): string {
  const lines = text.replaceAll(/\r\n|\r|\n/g, "\r\n");
  const body =
    Buffer.from(lines, "utf8")
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  return [
    `From: ${from}`,
    `To: ${to.join(",\r\n ")}`,
    `Subject: ${headerText(subject)}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: ${messageId(from, id)}`,
    // RFC 3834 section 5: answering machines leave it alone.
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...body,
    "",
  ].join("\r\n");
}

export function messageId(from: string, id: string): string {
  return `<${id}@${from.slice(from.lastIndexOf("@") + 1)}>`;
}

/** Short plain ASCII as it stands, everything else as encoded words (RFC 2047), folded. */
function headerText(text: string): string {
  if (text.length <= 60 && /^[ -~]+$/.test(text) && !text.includes("=?") && text.trim() === text) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > WORD_BYTES) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((one) => `=?utf-8?B?${Buffer.from(one).toString("base64")}?=`).join("\r\n ");
}
