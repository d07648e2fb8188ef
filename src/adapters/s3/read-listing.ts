/** One page of ListObjectsV2, as far as it is told on. */
export interface ListingPage {
  readonly objects: readonly {
    readonly key: string;
    readonly size: number;
    readonly etag: string;
    readonly lastModified: string;
  }[];
  /** Whether the store says that there are more keys. */
  readonly more: boolean;
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Reads a page (Amazon S3 API Reference, ListObjectsV2) that was asked for with `encoding-type=url`, so that keys hold
 * no markup. Undefined when it is not one, or has more than `max` keys: no other XML is understood.
 */
export function readListing(xml: string, max: number): ListingPage | undefined {
  if (!/^\s*(<\?xml[^>]*\?>\s*)?<ListBucketResult[\s>]/.test(xml) || /<!/.test(xml)) return undefined;
  const page = splitPage(xml, max);
  if (page === undefined) return undefined;
  const { entries, outside } = page;
  const isEncoded = fieldOf(outside, "EncodingType") === "url";
  const objects = [];
  for (const entry of entries) {
    const [raw, size] = [fieldOf(entry, "Key"), Number(fieldOf(entry, "Size"))];
    const key = raw === undefined || !isEncoded ? raw : decoded(raw);
    if (key === undefined || !Number.isSafeInteger(size) || size < 0) return undefined;
    const [etag, lastModified] = [fieldOf(entry, "ETag") ?? "", fieldOf(entry, "LastModified") ?? ""];
    objects.push({ key, size, etag, lastModified });
  }
  const isCut = fieldOf(outside, "IsTruncated") === "true";
  const next = fieldOf(outside, "NextContinuationToken");
  if (isCut && (next === undefined || next === "")) return undefined;
  return { objects, more: isCut, next: isCut ? next : undefined };
}

/** The insides of `Contents`, and what is left. In one pass; undefined when one is not closed, or there are too many. */
function splitPage(xml: string, max: number): { entries: string[]; outside: string } | undefined {
  const [opening, closing] = ["<Contents>", "</Contents>"];
  const entries: string[] = [];
  let [outside, at] = ["", 0];
  for (let start = xml.indexOf(opening); start !== -1; start = xml.indexOf(opening, at)) {
    const end = xml.indexOf(closing, start);
    if (end === -1 || entries.length === max) return undefined;
    outside += xml.slice(at, start);
    entries.push(xml.slice(start + opening.length, end));
    at = end + closing.length;
  }
  outside += xml.slice(at);
  // One that is written otherwise would be a key that is left out.
  return outside.includes("<Contents") ? undefined : { entries, outside };
}

/** The text of one element without children. */
export function fieldOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
