import { millisOf } from "../format/time.ts";
import { parseAddress } from "./scope-address.ts";
import { parseHost } from "./scope-host.ts";

/** The values of `format` that data schemas may use, and what each means. */
export const formats = {
  "date-time": "a UTC instant, RFC 3339, e.g. `2026-01-31T12:00:00Z`",
  hostname: "a host name",
  ipv4: "an IPv4 address in dotted form",
  ipv6: "an IPv6 address",
  uri: "an absolute URI",
  email: "an e-mail address",
} as const;
export type FormatName = keyof typeof formats;

/** Whether `text` has the form; linear in its length. */
export function matchesFormat(format: FormatName, text: string): boolean {
  switch (format) {
    case "date-time":
      return millisOf(text) !== undefined;
    case "hostname":
      return isName(text);
    case "ipv4":
      return !text.includes(":") && parseAddress(text) !== undefined;
    case "ipv6":
      return text.includes(":") && parseAddress(text) !== undefined;
    case "uri":
      return URL.canParse(text);
    case "email":
      return isEmail(text);
  }
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  return at > 0 && text.length <= 320 && !/[\s@]/.test(text.slice(0, at)) && isName(text.slice(at + 1));
}

function isName(text: string): boolean {
  const host = parseHost(text);
  return host !== undefined && "name" in host;
}
