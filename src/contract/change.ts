import { canonicalJson } from "../format/canonical-json.ts";

/** One difference between two versions of a document. */
export interface Change {
  /** In plain words: `wider scope: subject host from inputs.host`. */
  readonly change: string;
  readonly path: string;
  /** Whether the boundary is weaker, or a caller of the old version would notice. */
  readonly breaking: boolean;
}

/** Changes in the making. */
export interface ChangeList {
  readonly all: readonly Change[];
  breaking(path: string, change: string): void;
  note(path: string, change: string): void;
}

/** An empty list of changes. */
export function changeList(): ChangeList {
  const all: Change[] = [];
  return {
    all,
    breaking: (path, change) => all.push({ change, path, breaking: true }),
    note: (path, change) => all.push({ change, path, breaking: false }),
  };
}

/** Items only in one of two lists, compared as canonical JSON. */
export function listChanges<T>(before: readonly T[], after: readonly T[]): { added: T[]; removed: T[] } {
  const old = new Set(before.map(canonicalJson));
  const now = new Set(after.map(canonicalJson));
  return {
    added: after.filter((item) => !old.has(canonicalJson(item))),
    removed: before.filter((item) => !now.has(canonicalJson(item))),
  };
}

/** Whether two values are the same JSON; absent equals absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a) === canonicalJson(b);
}
