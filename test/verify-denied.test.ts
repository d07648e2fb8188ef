// The verifier with every socket, write and child process denied by Node.js itself: over all vectors of bundles.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const vectors = join(root, "vectors");
const denied = ["--permission", "--allow-fs-read=*", "--disable-warning=ExperimentalWarning"];
const exits = { valid: 0, invalid: 1, indeterminate: 3 } as const;

interface Vector {
  readonly bundle: string;
  readonly trust: string | null;
  readonly expect: { readonly verdict: keyof typeof exits };
}

function node(args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...denied, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("with sockets, writes and processes denied", () => {
  it("nothing is left of them", () => {
    const tried = `
      const { connect } = require("node:net");
      connect(9, "127.0.0.1").on("error", ({ code }) => console.log(code));
      for (const act of [() => require("node:fs").writeFileSync("x", ""), () => require("node:child_process").spawnSync("true")])
        try { act(); console.log("done"); } catch ({ code }) { console.log(code); }`;
    expect(node(["-e", tried]).stdout.trim().split("\n")).toEqual(Array(3).fill("ERR_ACCESS_DENIED"));
  });

  const named = globSync("bundle/{accept/{whole,log-witnessed,time-stamped,rotated},reject/*}/vector.json", {
    cwd: vectors,
  }).sort();
  // Each is a process: every fifth of the many, and all that are accepted.
  it.each(named.filter((name, index) => name.includes("accept") || index % 5 === 0))(
    "%s is judged as ever",
    (name) => {
      const vector: Vector = JSON.parse(readFileSync(join(vectors, name), "utf8"));
      const at = (file: string): string => join(vectors, dirname(name), file);
      const trust = vector.trust === null ? [] : ["--trust", at(vector.trust)];
      const { status, stdout, stderr } = node([
        join(root, "src/cli/main.ts"),
        "verify",
        at(vector.bundle),
        ...trust,
        "--json",
      ]);
      expect([status, stderr]).toEqual([exits[vector.expect.verdict], ""]);
      expect(JSON.parse(stdout).verdict).toBe(vector.expect.verdict);
    },
  );
});
