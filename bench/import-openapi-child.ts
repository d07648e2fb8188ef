// One import of a description, as a process of its own: node import-openapi-child.ts <description> <folder>
import { join } from "node:path";
import { importOpenapi } from "../src/cli/import-openapi.ts";

const [from = "", root = ""] = process.argv.slice(2);
const { exit } = await importOpenapi({
  from,
  root,
  system: "big",
  operations: [],
  server: undefined,
  folder: join(root, "drafts"),
  allowFetch: false,
});
if (exit !== 0) throw new Error("the import did not draft everything");

import { peakMiB } from "./peak-memory.ts";

console.log(peakMiB());
