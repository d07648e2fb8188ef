import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "./base64.ts";
import { leafHash, rootOf, type TreeHash } from "./merkle.ts";
import {
  entriesPath,
  hashesOf,
  nodesAt,
  parseTilePath,
  partialTiles,
  rootFromTiles,
  TILE_WIDTH,
  tileAt,
  tileBytes,
  tilePath,
  tilesAbove,
  tilesBetween,
} from "./tile.ts";

const leaves = (count: number): TreeHash[] =>
  Array.from({ length: count }, (_, i) => leafHash(new TextEncoder().encode(`entry ${i}`)));
const paths = (size: number): string[] => partialTiles(size).map(tilePath);

describe("tiles", () => {
  it("have the paths of C2SP tlog-tiles", () => {
    expect(tilePath({ level: 0, n: 1_234_067, width: 256 })).toBe("tile/0/x001/x234/067");
    expect(tilePath({ level: 2, n: 0, width: 17 })).toBe("tile/2/000.p/17");
    expect(entriesPath(5, 256)).toBe("tile/entries/005");
    expect(entriesPath(1000, 3)).toBe("tile/entries/x001/000.p/3");
  });

  it("of 70,000 entries are those of the example in C2SP tlog-tiles", () => {
    expect(nodesAt(1, 70_000)).toBe(273);
    expect(paths(70_000)).toEqual(["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    expect(paths(256)).toEqual(["tile/1/000.p/1"]);
    expect(tilesBetween(0, 70_000)).toHaveLength(273 + 1 + 1 + 1 + 1);
  });

  it.each([
    "tile/0/0",
    "tile/0/1000",
    "tile/0/x000/001",
    "tile/00/001",
    "tile/64/001",
    "tile/0/001.p/256",
    "tile/0/001.p/0",
    "tile/0/001.p/01",
    "tile/entries/001",
    "tile/0/001/",
    "tile/0/x001",
    "/tile/0/001",
  ])("are not named by `%s`", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it("are named by their own path and no other", () => {
    const tile = fc.record({
      level: fc.integer({ min: 0, max: 63 }),
      n: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(tile, (one) => {
        expect(parseTilePath(tilePath(one))).toEqual(one);
      }),
    );
  });

  it("lead from a leaf to the first partial one, and none is of a width that the tree lacks", () => {
    expect(tilesAbove(300, 70_000).map(tilePath)).toEqual(["tile/0/001", "tile/1/000", "tile/2/000.p/1"]);
    expect(tilesAbove(69_999, 70_000).map(tilePath)).toEqual(["tile/0/273.p/112"]);
    const sized = fc
      .integer({ min: 1, max: 2 ** 40 })
      .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })));
    fc.assert(
      fc.property(sized, ([size, index]) => {
        const above = tilesAbove(index, size);
        expect(above.at(-1)?.width).toBeLessThan(TILE_WIDTH);
        for (const tile of above) expect(tileAt(tile.level, tile.n, size)).toEqual(tile);
        expect(partialTiles(size)).toContainEqual(above.at(-1));
      }),
    );
  });

  it("give the root of RFC 6962, from the partial ones alone", () => {
    const all = leaves(66_000);
    const level1 = Array.from({ length: 257 }, (_, n) => rootOf(all.slice(256 * n, 256 * n + 256)));
    const levels = [all, level1, [rootOf(level1.slice(0, 256))]];
    for (const size of [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 66_000]) {
      const root = rootFromTiles(size, ({ level, n, width }) =>
        (levels[level] ?? []).slice(256 * n, 256 * n + width),
      );
      expect([size, toHex(root)]).toEqual([size, toHex(rootOf(all.slice(0, size)))]);
    }
  });

  it("are bytes of whole hashes", () => {
    const hashes = leaves(3);
    expect(hashesOf(tileBytes(hashes))?.map(toHex)).toEqual(hashes.map(toHex));
    expect(hashesOf(new Uint8Array(33))).toBeUndefined();
  });
});
