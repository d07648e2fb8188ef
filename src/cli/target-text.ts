import { parseAddress, parseCidr } from "../contract/scope-address.ts";
import { parseEndpoint } from "../contract/scope-pattern.ts";

const KINDS =
  /^(host|address|cidr|url|endpoint|email-domain|account|repository|tenant|user|file|[a-z]+-[a-z-]+):./;

/**
 * A target as people write it, as a scope pattern `kind:value`: addresses, blocks, URLs, `host:port`, `@domain` and
 * names are recognised, anything that already names its kind stays. Whether the pattern is sound is for
 * `parseScopePattern` to say.
 */
export function patternOf(text: string): string {
  if (KINDS.test(text)) return text;
  if (/^https?:\/\//i.test(text)) return `url:${text}`;
  if (text.startsWith("@")) return `email-domain:${text.slice(1)}`;
  if (parseAddress(text) !== undefined) return `address:${text}`;
  if (parseCidr(text) !== undefined) return `cidr:${text}`;
  if (parseEndpoint(text) !== undefined) return `endpoint:${text}`;
  return `host:${text}`;
}
