import { type AddressBlock, holdsBlock } from "../contract/scope-address.ts";
import { coversHost, type HostPattern, type ScopeHost } from "../contract/scope-host.ts";
import type { ScopePattern } from "../contract/scope-pattern.ts";
import { coversUrl, touchesUrl } from "../contract/scope-url.ts";
import type { ScopeSubject } from "./scope-subject.ts";

/**
 * Whether an inclusion covers all of the subject (`spec/scope.md`).
 *
 * `host:` covers hosts, URLs and endpoints of that host, but no e-mail domain. `address:` and `cidr:` cover
 * literal addresses wherever a host may stand. `endpoint:` covers endpoints and URLs at that host and port.
 * `url:` covers URLs below its path, as a strict *and* as a permissive server reads them.
 */
export function covers(pattern: ScopePattern, subject: ScopeSubject): boolean {
  switch (pattern.shape) {
    case "host":
      return hostOf(subject, (host) => coversHost(pattern.host, host));
    case "block":
      return holdsSubject(pattern.block, subject);
    case "email-domain":
      return subject.shape === "email-domain" && coversHost(pattern.host, subject.host);
    case "endpoint":
      return atEndpoint(pattern.host, pattern.port, subject, false);
    case "url":
      return subject.shape === "url" && coversUrl(pattern.url, subject.url);
    case "text":
      return (
        subject.shape === "text" &&
        subject.kind === pattern.kind &&
        startsText(pattern.value, pattern.prefix, subject.value)
      );
  }
}

/**
 * Whether an exclusion touches the subject: it covers some of it, under any reading. So a block that
 * overlaps is touched, a URL is touched when either reading of its path is below the exclusion without regard to
 * case, an endpoint with no declared port may be any port, and generic values compare without case.
 */
export function touches(pattern: ScopePattern, subject: ScopeSubject): boolean {
  switch (pattern.shape) {
    case "block":
      return (
        holdsSubject(pattern.block, subject) ||
        (subject.shape === "block" && holdsBlock(subject.block, pattern.block))
      );
    case "host":
      return (
        covers(pattern, subject) ||
        (subject.shape === "block" &&
          pattern.host.form === "exact" &&
          "address" in pattern.host.host &&
          holdsBlock(subject.block, pattern.host.host.address))
      );
    case "endpoint":
      return atEndpoint(pattern.host, pattern.port, subject, true);
    case "url":
      if (subject.shape === "endpoint") {
        // An exclusion of a whole origin is one of its endpoint.
        return (
          pattern.url.looseSegments.length === 0 &&
          sameHost(pattern.url.host, subject.host) &&
          (subject.port ?? pattern.url.port) === pattern.url.port
        );
      }
      return subject.shape === "url" && touchesUrl(pattern.url, subject.url);
    case "text":
      return (
        subject.shape === "text" &&
        subject.kind === pattern.kind &&
        startsText(fold(pattern.value), pattern.prefix, fold(subject.value))
      );
    case "email-domain":
      return covers(pattern, subject);
  }
}

function hostOf(subject: ScopeSubject, test: (host: ScopeHost) => boolean): boolean {
  switch (subject.shape) {
    case "host":
    case "endpoint":
      return test(subject.host);
    case "url":
      return test(subject.url.host);
    case "block":
      return test({ address: subject.block });
    default:
      return false;
  }
}

function holdsSubject(block: AddressBlock, subject: ScopeSubject): boolean {
  return hostOf(subject, (host) => "address" in host && holdsBlock(block, host.address));
}

function atEndpoint(pattern: HostPattern, port: number, subject: ScopeSubject, anyPort: boolean): boolean {
  if (subject.shape === "url") return subject.url.port === port && coversHost(pattern, subject.url.host);
  if (subject.shape !== "endpoint") return false;
  const samePort = subject.port === port || (anyPort && subject.port === undefined);
  return samePort && coversHost(pattern, subject.host);
}

function sameHost(a: ScopeHost, b: ScopeHost): boolean {
  return coversHost({ form: "exact", host: a }, b);
}

function startsText(value: string, prefix: boolean, subject: string): boolean {
  if (!prefix) return subject === value;
  return value === "" || subject.startsWith(`${value}/`);
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
