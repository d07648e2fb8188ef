import { rootOf, type TreeHash } from "./merkle.ts";

/** Nodes of a full tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** One tile of a tree: `n` counts from the left, `width` is 256 or, for a partial tile, less. */
export interface Tile {
  readonly level: number;
  readonly n: number;
  readonly width: number;
}

/** Complete nodes of a level: each covers 256^level entries. */
export function nodesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** Path of a hash tile: `tile/<L>/<N>`, a partial one with `.p/<W>` (C2SP tlog-tiles). */
export function tilePath({ level, n, width }: Tile): string {
  return `tile/${level}/${numberPath(n)}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Path of a bundle of entries: those of the level-0 tile with this number and width. */
export function entriesPath(n: number, width: number): string {
  return `tile/entries/${numberPath(n)}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

const TILE_PATH = /^tile\/([0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** The tile that a path names; undefined when it names none, or in another spelling. */
export function parseTilePath(path: string): Tile | undefined {
  const [, level = "", number = "", width] = TILE_PATH.exec(path) ?? [];
  const tile = {
    level: Number(level),
    n: Number(number.replaceAll(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  return level !== "" && Number.isSafeInteger(tile.n) && tilePath(tile) === path ? tile : undefined;
}

/** The tile of a level that has this number, as the tree of this size has it; undefined when it has none. */
export function tileAt(level: number, n: number, size: number): Tile | undefined {
  const width = Math.min(TILE_WIDTH, nodesAt(level, size) - n * TILE_WIDTH);
  return width > 0 ? { level, n, width } : undefined;
}

/** The partial tiles of a tree, at most one a level, from level 0 up: its root follows from them. */
export function partialTiles(size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; nodesAt(level, size) > 0; level++) {
    const nodes = nodesAt(level, size);
    const width = nodes % TILE_WIDTH;
    if (width > 0) tiles.push({ level, n: Math.floor(nodes / TILE_WIDTH), width });
  }
  return tiles;
}

/** A tile and those above it up to and including the first that is partial: what makes its nodes authentic. */
export function tileChain(level: number, n: number, size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let [at, number] = [level, n]; ; at++) {
    const tile = tileAt(at, number, size);
    if (tile === undefined) return tiles;
    tiles.push(tile);
    if (tile.width < TILE_WIDTH) return tiles;
    number = Math.floor(number / TILE_WIDTH);
  }
}

/** The tiles from a leaf up: what makes its leaf hash authentic. */
export function tilesAbove(index: number, size: number): Tile[] {
  return tileChain(0, Math.floor(index / TILE_WIDTH), size);
}

/** The tiles of a tree that the root of a smaller size of it follows from, with those that make them authentic. */
export function tilesOfSize(smaller: number, size: number): Tile[] {
  return partialTiles(smaller).flatMap(({ level, n }) => tileChain(level, n, size));
}

/** The tiles that a tree has and the same tree did not have when it was smaller, from level 0 up. */
export function tilesBetween(before: number, size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; nodesAt(level, size) > nodesAt(level, before); level++) {
    const first = Math.floor(nodesAt(level, before) / TILE_WIDTH);
    for (let n = first; ; n++) {
      const tile = tileAt(level, n, size);
      if (tile === undefined) break;
      tiles.push(tile);
    }
  }
  return tiles;
}

/**
 * Root of a tree from the nodes of its partial tiles (`spec/log.md`).
 *
 * @param nodes the first `width` nodes of a partial tile, one call for each of `partialTiles(size)`.
 */
export function rootFromTiles(size: number, nodes: (tile: Tile) => readonly TreeHash[]): TreeHash {
  let right: TreeHash[] = [];
  for (const tile of partialTiles(size)) right = [rootOf([...nodes(tile), ...right])];
  return rootOf(right);
}

/** The bytes of a tile as hashes. @returns undefined when they are no whole number of hashes. */
export function hashesOf(bytes: Uint8Array): TreeHash[] | undefined {
  if (bytes.length % 32 !== 0) return undefined;
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
}

/** Hashes as the bytes of a tile. */
export function tileBytes(hashes: readonly TreeHash[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32 * hashes.length);
  for (const [i, hash] of hashes.entries()) bytes.set(hash, 32 * i);
  return bytes;
}

function numberPath(n: number): string {
  const groups: string[] = [];
  for (let rest = n; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(String(rest % 1000).padStart(3, "0"));
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
}
