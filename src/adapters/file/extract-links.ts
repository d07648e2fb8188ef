import { normalHost } from "../../adapter/host-name.ts";

/** A link of a message. */
export interface Link {
  /** Absolute, as the URL standard writes it. */
  readonly url: string;
  readonly host: string;
  /** What the reader sees, when it is not the URL itself. */
  readonly text?: string;
}

const MAX_LINKS = 1000;
const MAX_SOURCE = 2 * 1024 * 1024;
const MAX_ANCHORS = 5000;
const MAX_ANCHOR = 4000;
const MAX_TEXT = 500;
const MAX_URL = 4000;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** The http and https links of a message's HTML and text parts, each once, in order; at most 1,000. */
export function extractLinks(html: string | undefined, text: string | undefined): readonly Link[] {
  const links = new Map<string, Link>();
  const urls = new Set<string>();
  for (const { href, text: shown } of anchorsOf((html ?? "").slice(0, MAX_SOURCE))) {
    const link = makeLink(href, shown);
    if (link === undefined) continue;
    urls.add(link.url);
    links.set(`${link.url} ${link.text ?? ""}`, link);
    if (links.size >= MAX_LINKS) break;
  }
  for (const match of (text ?? "").slice(0, MAX_SOURCE).matchAll(/\bhttps?:\/\/[^\s<>"'`\\^{|}]{1,4000}/gi)) {
    if (links.size >= MAX_LINKS) break;
    const link = makeLink(match[0].replace(/[.,;:!?)\]]{1,20}$/, ""), undefined);
    // The text part usually repeats the links of the HTML part.
    if (link === undefined || urls.has(link.url)) continue;
    urls.add(link.url);
    links.set(link.url, link);
  }
  return [...links.values()];
}

function makeLink(href: string, shown: string | undefined): Link | undefined {
  const url = URL.parse(href.replace(/[\t\r\n]/g, "").trim());
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  const host = normalHost(url.hostname);
  if (host === undefined || url.href.length > MAX_URL) return undefined;
  const plain = shown === undefined || shown === "" || shown === url.href || shown === href;
  return { url: url.href.toWellFormed(), host, ...(plain ? {} : { text: shown }) };
}

/**
 * Targets and visible texts of HTML anchors, image maps and forms. It scans with bounds on every step, so
 * that hostile HTML costs linear time.
 */
function* anchorsOf(html: string): Generator<{ href: string; text: string | undefined }> {
  const opening = /<(a|area|form)(?=[\s/])/gi;
  let left = MAX_ANCHORS;
  for (let match = opening.exec(html); match !== null && left > 0; match = opening.exec(html), left--) {
    const name = (match[1] ?? "").toLowerCase();
    const start = match.index + match[0].length;
    const end = endOfTag(html, start);
    if (end === undefined) continue;
    const href = attributeOf(html.slice(start, end), name === "form" ? "action" : "href");
    if (href === undefined) continue;
    const rest = html.slice(end + 1, end + 1 + MAX_ANCHOR);
    const close = rest.search(/<\/a\b/i);
    const inner = rest.slice(0, close < 0 ? MAX_TEXT : close);
    yield { href, text: name === "a" ? visibleText(inner) : undefined };
  }
}

/** Where a tag's `>` stands, outside quotes; undefined when it is not near. */
function endOfTag(html: string, start: number): number | undefined {
  let quote = "";
  for (let i = start; i < html.length && i < start + MAX_ANCHOR; i++) {
    const char = html[i] ?? "";
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === ">") return i;
    else if ((char === '"' || char === "'") && /[=\s]/.test(html[i - 1] ?? "")) quote = char;
  }
  return undefined;
}

function attributeOf(attributes: string, name: string): string | undefined {
  const pattern = new RegExp(`(?:^|[\\s"'/])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, "i");
  const match = pattern.exec(attributes);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? undefined : decodeEntities(value);
}

function visibleText(html: string): string {
  const text = decodeEntities(html.replace(/<[^>]*>/g, " "));
  return text.replace(/\s+/g, " ").trim().slice(0, MAX_TEXT).toWellFormed();
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));?/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? "\ufffd" : String.fromCodePoint(point);
  });
}
