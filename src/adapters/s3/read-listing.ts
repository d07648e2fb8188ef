/** One page of ListObjectsV2, as far as it is told on. */
export interface ListingPage {
  readonly objects: readonly {
    readonly key: string;
    readonly size: number;
    readonly etag: string;
    readonly lastModified: string;
  }[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Reads a page (Amazon S3 API Reference, ListObjectsV2) that was asked for with `encoding-type=url`, so that keys hold
 * no markup. Undefined when it is not one: no other XML is understood.
 */
export function readListing(xml: string): ListingPage | undefined {
  if (!/^\s*(<\?xml[^>]*\?>\s*)?<ListBucketResult[\s>]/.test(xml) || /<!/.test(xml)) return undefined;
  const outside = xml.replaceAll(/<Contents>[\s\S]*?<\/Contents>/g, "");
  const isEncoded = fieldOf(outside, "EncodingType") === "url";
  const objects = [];
  for (const [, entry = ""] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
    const [raw, size] = [fieldOf(entry, "Key"), Number(fieldOf(entry, "Size"))];
    const key = raw === undefined || !isEncoded ? raw : decoded(raw);
    if (key === undefined || !Number.isSafeInteger(size) || size < 0) return undefined;
    const [etag, lastModified] = [fieldOf(entry, "ETag") ?? "", fieldOf(entry, "LastModified") ?? ""];
    objects.push({ key, size, etag, lastModified });
  }
  const isCut = fieldOf(outside, "IsTruncated") === "true";
  const next = fieldOf(outside, "NextContinuationToken");
  if (isCut && (next === undefined || next === "")) return undefined;
  return { objects, next: isCut ? next : undefined };
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
