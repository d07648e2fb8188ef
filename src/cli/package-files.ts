import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The folder that holds the project's own `catalog/`, `operations/`, `runbooks/`, `policies/`, `schemas/` and `examples/`: the
 * checkout, or `share/` of a build.
 */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "share", "catalog"))) return join(folder, "share");
    if (existsSync(join(folder, "catalog")) && existsSync(join(folder, "package.json"))) return folder;
  }
  throw new Error("the files that come with witnessops are missing beside it");
}
