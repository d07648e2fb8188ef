import { toHex } from "./base64.ts";

// The y of every point of order 1, 2, 4 and 8, canonical or not, in little-endian hex without the bit of the sign.
const SMALL: ReadonlySet<string> = new Set([
  `00${"00".repeat(31)}`,
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

/**
 * Whether an Ed25519 public key (SPKI) is a point of small order: such a key has signatures that hold for every
 * message. Libraries differ in whether they refuse it, so that it is refused here.
 */
export function hasSmallOrder(spki: Uint8Array): boolean {
  const point = spki.slice(-32);
  point[31] = (point[31] ?? 0) & 0x7f;
  return SMALL.has(toHex(point));
}
