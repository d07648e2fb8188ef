import type { Digest } from "../format/digest.ts";
import { isDigest } from "../format/digest.ts";
import type { Store, StoredReceipt } from "../run/store.ts";
import { notFound, usage } from "./cli-error.ts";

/**
 * A receipt by its digest, by at least eight of the digest's first hex digits, or by `stream/seq`.
 *
 * @throws CliError `NOT_FOUND`, or `USAGE` when several begin like that.
 */
export function findReceipt(store: Store, name: string): StoredReceipt {
  if (isDigest(name)) return store.receipt(name) ?? missing(name);
  const place = /^((?:workspace|engagement:|run:).*)\/(\d+)$/.exec(name);
  if (place !== null) return store.receipts(place[1] as string, Number(place[2]))[0] ?? missing(name);
  const start = name.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{8,63}$/.test(start)) {
    throw usage(`\`${name}\` names no receipt`, "give a digest, its first hex digits, or `stream/seq`");
  }
  const found = store
    .streams("")
    .flatMap((stream) => store.receipts(stream))
    .filter(({ digest }) => digest.startsWith(`sha256:${start}`));
  if (found.length > 1) throw usage(`${found.length} receipts begin with \`${start}\``, "give more digits");
  return found[0] ?? missing(name);
}

/** The beginning of a digest, enough to tell receipts of a workspace apart. */
export function short(digest: Digest | string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

function missing(name: string): never {
  throw notFound(`there is no receipt \`${name}\``, "witnessops receipt list");
}
