import { LOG_CHECKPOINT_PATH, LOG_FOLDER } from "../contract/proof-bundle.ts";
import { rootOf, sameHash, type TreeHash } from "../format/merkle.ts";
import { partialTiles, rootFromTiles, TILE_WIDTH, type Tile, tileAt, tilePath } from "../format/tile.ts";
import type { Findings } from "./layer.ts";
import type { ReadTile } from "./log-files.ts";

/** The part of a log's tree that a bundle holds, as far as it hashes up to the checkpoint's root. */
export interface LogTree {
  readonly size: number;
  /** The leaf hash at an index; undefined when its tile is absent or not authentic, which was reported. */
  leaf(index: number): TreeHash | undefined;
  /** Root of the first entries; undefined when the bundle's tiles do not say. */
  rootAt(size: number): TreeHash | undefined;
}

/**
 * Makes every tile authentic by the one above it, and the partial tiles by the root, each tile once: about one hash for
 * each node. What is absent is reported where it is first needed.
 */
export function checkTree(
  { size, root }: { readonly size: number; readonly root: TreeHash },
  tiles: ReadonlyMap<string, ReadTile>,
  needed: Iterable<Tile>,
  findings: Findings,
): LogTree {
  const authentic = new Map<string, readonly TreeHash[]>();
  const absent = new Set<string>();
  const require = (tile: Tile): boolean => {
    const path = tilePath(tile);
    if (tiles.has(path)) return true;
    if (!absent.has(path))
      findings.fail("FAILURE_COMPLETENESS", "the tile is absent", { path: LOG_FOLDER + path });
    absent.add(path);
    return false;
  };
  const edge = partialTiles(size);
  if (edge.map(require).every((present) => present)) {
    const computed = rootFromTiles(size, (tile) => tiles.get(tilePath(tile))?.hashes ?? []);
    if (sameHash(computed, root)) {
      for (const tile of edge) authentic.set(tilePath(tile), tiles.get(tilePath(tile))?.hashes ?? []);
    } else {
      findings.fail("FAILURE_INCLUSION_INVALID", "the tiles do not give the checkpoint's root", {
        path: LOG_CHECKPOINT_PATH,
      });
    }
  }
  for (const tile of needed) require(tile);
  // From the top down: a tile is as authentic as the node that it hashes to.
  for (const tile of [...tiles.values()].sort((a, b) => b.level - a.level)) {
    if (tile.width < TILE_WIDTH) continue;
    const parent = tileAt(tile.level + 1, Math.floor(tile.n / TILE_WIDTH), size);
    if (parent === undefined || !require(parent)) continue;
    const node = authentic.get(tilePath(parent))?.[tile.n % TILE_WIDTH];
    if (node === undefined) continue;
    if (sameHash(rootOf(tile.hashes), node)) authentic.set(tilePath(tile), tile.hashes);
    else
      findings.fail("FAILURE_INCLUSION_INVALID", "the tile does not hash to the node above it", {
        path: tile.path,
      });
  }

  function nodes({ level, n, width }: Tile): readonly TreeHash[] | undefined {
    const tile = tileAt(level, n, size);
    return tile && authentic.get(tilePath(tile))?.slice(0, width);
  }

  const leaves = new Map<number, readonly TreeHash[] | undefined>();
  function leavesOf(n: number): readonly TreeHash[] | undefined {
    const tile = tileAt(0, n, size);
    return tile && authentic.get(tilePath(tile));
  }

  const roots = new Map<number, TreeHash | undefined>();
  function computeRoot(smaller: number): TreeHash | undefined {
    if (partialTiles(smaller).some((tile) => nodes(tile) === undefined)) return undefined;
    return rootFromTiles(smaller, (tile) => nodes(tile) ?? []);
  }

  return {
    size,
    leaf(index) {
      const n = Math.floor(index / TILE_WIDTH);
      if (!leaves.has(n)) leaves.set(n, leavesOf(n));
      return leaves.get(n)?.[index % TILE_WIDTH];
    },
    rootAt(smaller) {
      // Many receipts may name heads of one size, and each root is thousands of hashes.
      if (!roots.has(smaller)) roots.set(smaller, computeRoot(smaller));
      return roots.get(smaller);
    },
  };
}
