/** What lint says about a document that parses. */
export interface Finding {
  /** `error`: it is not run; `warning`: a reviewer would ask. */
  readonly level: "error" | "warning";
  /** As in `Fault`: `execution.retry`. */
  readonly path: string;
  readonly message: string;
}

/** Findings in the making. */
export interface FindingList {
  readonly all: readonly Finding[];
  error(path: string, message: string): void;
  warning(path: string, message: string): void;
}

/** An empty list of findings. */
export function findingList(): FindingList {
  const all: Finding[] = [];
  return {
    all,
    error: (path, message) => all.push({ level: "error", path, message }),
    warning: (path, message) => all.push({ level: "warning", path, message }),
  };
}
