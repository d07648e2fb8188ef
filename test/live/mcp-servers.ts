import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { LiveSystem } from "./live-system.ts";

/** Puts the servers of npm, and the Node.js that runs them, on the search path. @returns what takes them off it again. */
function findServers(): () => void {
  const before = process.env.PATH ?? "";
  const programs = join(import.meta.dirname, "..", "..", "node_modules", ".bin");
  process.env.PATH = [programs, dirname(process.execPath), before].join(delimiter);
  return () => {
    process.env.PATH = before;
  };
}

export const mcpMemory: LiveSystem = {
  name: "@modelcontextprotocol/server-memory (npm)",
  contracts: ["memory.create-entities", "memory.open-nodes", "memory.read-graph", "memory.search-nodes"],
  missing: () => undefined,
  async start(folder) {
    const at = { file: join(folder, "graph.jsonl") };
    const known = { name: "till-1", entityType: "host", observations: ["seen at 08:00"] };
    writeFileSync(at.file, `${JSON.stringify({ type: "entity", ...known })}\n`);
    const added = { name: "till-2", entityType: "host", observations: ["beacon to 192.0.2.7", "isolated"] };
    return {
      close: findServers(),
      calls: {
        "memory.create-entities": {
          inputs: { ...at, entities: [known, added] },
          outputs: { created: [added], skipped: ["till-1"] },
        },
        "memory.open-nodes": {
          inputs: { ...at, names: ["till-2", "till-3"] },
          outputs: { entities: [added], relations: [], missing: ["till-3"] },
        },
        "memory.read-graph": { inputs: at, outputs: { entities: [known, added], relations: [] } },
        "memory.search-nodes": { inputs: { ...at, query: "BEACON" }, outputs: { entities: [added] } },
      },
    };
  },
};

export const mcpFilesystem: LiveSystem = {
  name: "@modelcontextprotocol/server-filesystem (npm)",
  contracts: [
    "filesystem.get-file-info",
    "filesystem.list-directory",
    "filesystem.read-text-file",
    "filesystem.search-files",
  ],
  missing: () => undefined,
  async start(home) {
    const folder = join(home, "logs");
    mkdirSync(join(folder, "old"), { recursive: true });
    writeFileSync(join(folder, "till.log"), "08:00 open\n09:00 closed\n", { mode: 0o640 });
    writeFileSync(join(folder, "old", "till.log"), "");
    return {
      close: findServers(),
      calls: {
        "filesystem.get-file-info": {
          inputs: { folder, path: "till.log" },
          outputs: { size: 24, isFile: true, isDirectory: false, permissions: "640" },
        },
        "filesystem.list-directory": {
          inputs: { folder },
          outputs: { files: ["till.log"], folders: ["old"] },
        },
        "filesystem.read-text-file": {
          inputs: { folder, path: "till.log", lines: 1 },
          outputs: { text: "08:00 open" },
        },
        "filesystem.search-files": {
          inputs: { folder, pattern: "**/*.log" },
          outputs: { paths: [join(folder, "old/till.log"), join(folder, "till.log")], count: 2 },
        },
      },
    };
  },
};
