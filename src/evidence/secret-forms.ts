import { EvidenceError } from "./evidence-error.ts";

/** Secrets shorter than this are refused: they occur by chance. In bytes of UTF-8. */
export const MIN_SECRET_BYTES = 8;

/** One spelling of a secret, as bytes to look for. */
export interface Needle {
  readonly bytes: Buffer;
  /** The base64 digit before or after also holds bits of the secret, mixed with its neighbour's. */
  readonly before: boolean;
  readonly after: boolean;
}

/**
 * Every spelling in which the secrets are looked for: raw, base64 at its three alignments in both
 * alphabets, hexadecimal, percent-encoded and JSON-escaped; of a secret with several lines, each of them too, also when it
 * is wrapped at another width that programs use; and of its base64 and hexadecimal, each wrapped line.
 *
 * @throws EvidenceError `SECRET_TOO_SHORT`; its message does not show the secret.
 */
export function needlesOf(secrets: readonly string[]): readonly Needle[] {
  const needles = new Map<string, Needle>();
  for (const secret of secrets) {
    // What was read from a file may end in a line break that is not sent.
    for (const value of new Set([secret.toWellFormed(), secret.toWellFormed().trim()])) {
      const bytes = Buffer.from(value);
      if (bytes.length < MIN_SECRET_BYTES) throw tooShort();
      for (const needle of [
        ...textForms(value),
        ...base64Forms(bytes),
        ...linesOf(value).flatMap(textForms),
        ...hexForms(bytes),
        ...wrappedForms(value),
      ]) {
        needles.set(`${needle.bytes.toString("latin1")} ${needle.before} ${needle.after}`, needle);
      }
    }
  }
  return [...needles.values()];
}

/**
 * The lines of a secret that has several, as a private key does: results hold output line by line. What frames a key
 * (RFC 7468) is no secret, nor are lines too short to be one.
 */
function linesOf(value: string): string[] {
  const lines = value.split(/\r?\n/);
  if (lines.length < 2) return [];
  const inner = lines.map((line) => line.trim()).filter((line) => !line.startsWith("-----"));
  // Unwrapped, as a key reads in a variable or in JSON.
  return [...inner, inner.join("")].filter((line) => Buffer.byteLength(line) >= MIN_SECRET_BYTES);
}

/** Widths at which programs wrap: `fold`, `base64`, `openssl`, `ssh-keygen`, `gpg`, `xxd -p`. */
const WIDTHS = [60, 64, 70, 72, 76, 80];

function hexForms(bytes: Buffer): Needle[] {
  const hex = bytes.toString("hex");
  return exactly([hex, hex.toUpperCase()]);
}

/** Lines of a long secret that some program wrapped: of its own text without its frame, of its base64 and its hex. */
function wrappedForms(value: string): Needle[] {
  const whole = Buffer.from(value);
  const hex = whole.toString("hex");
  const inner = value.split(/\r?\n/).map((line) => line.trim());
  const body = inner.length < 2 ? "" : inner.filter((line) => !line.startsWith("-----")).join("");
  const texts = [body, whole.toString("base64").replace(/=+$/, ""), hex, hex.toUpperCase()];
  const lines = texts.flatMap((text) =>
    WIDTHS.filter((width) => text.length > width).flatMap((width) => wrap(text, width)),
  );
  return exactly(lines.filter((line) => Buffer.byteLength(line) >= MIN_SECRET_BYTES));
}

function wrap(text: string, width: number): string[] {
  return Array.from({ length: Math.ceil(text.length / width) }, (_, n) =>
    text.slice(n * width, (n + 1) * width),
  );
}

function exactly(forms: readonly string[]): Needle[] {
  return forms.map((form) => ({ bytes: Buffer.from(form.toWellFormed()), before: false, after: false }));
}

function tooShort(): EvidenceError {
  return new EvidenceError({
    code: "SECRET_TOO_SHORT",
    message: `a secret is shorter than ${MIN_SECRET_BYTES} bytes and could not be kept out of the evidence`,
    hint: "use a longer secret",
  });
}

function textForms(value: string): Needle[] {
  const forms = [value, ...percentForms(value), ...jsonForms(value)];
  return forms.map((form) => ({ bytes: Buffer.from(form), before: false, after: false }));
}

function percentForms(value: string): string[] {
  const component = encodeURIComponent(value);
  const strict = component.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams([["", value]]).toString().slice(1);
  const all = Buffer.from(value).toString("hex").toUpperCase().replace(/../g, "%$&");
  const forms = [encodeURI(value), component, strict, form, strict.replaceAll("%20", "+"), all];
  return forms.flatMap((encoded) => [encoded, encoded.replace(/%../g, (hex) => hex.toLowerCase())]);
}

function jsonForms(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const html = plain.replace(/[<>&\u2028\u2029]/g, unicodeEscape);
  const forms = [plain, html].flatMap((text) => {
    const ascii = text.replace(/[\u0080-\uffff]/g, unicodeEscape);
    return [text, ascii, ascii.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`)];
  });
  const slashed = forms.flatMap((text) => [text, text.replaceAll("/", "\\/")]);
  // JSON inside a JSON string, as logs and queues carry it.
  return slashed.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The base64 digits that depend on nothing but the secret, for each place it may have in a group of three. */
function base64Forms(bytes: Buffer): Needle[] {
  return [0, 1, 2].flatMap((offset) => {
    const first = Math.ceil((8 * offset) / 6);
    const end = 8 * (offset + bytes.length);
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(2)]).toString("base64");
    const digits = encoded.slice(first, Math.floor(end / 6));
    const urlSafe = digits.replaceAll("+", "-").replaceAll("/", "_");
    const percent = encodeURIComponent(digits);
    const forms = [
      digits,
      urlSafe,
      digits.replaceAll("/", "\\/"),
      percent,
      percent.replace(/%../g, (hex) => hex.toLowerCase()),
    ];
    return forms.map((form) => ({ bytes: Buffer.from(form), before: offset > 0, after: end % 6 !== 0 }));
  });
}
