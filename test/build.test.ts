import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSync } from "rolldown/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCallWorkspace } from "../bench/call-workspace.ts";
import manifest from "../package.json" with { type: "json" };
import type * as Verifier from "../src/verifier/index.ts";

const root = join(import.meta.dirname, "..");

describe("the build", () => {
  // Outside the checkout: no node_modules is to be found from there.
  const folder = mkdtempSync(join(tmpdir(), "witnessops-build-"));
  const dist = join(folder, "dist");
  const program = join(dist, "witnessops.mjs");
  beforeAll(() => {
    execFileSync(process.execPath, [join(root, "scripts", "build.ts"), dist]);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("imports nothing but built-ins of Node.js and its own files", () => {
    for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".mjs") || name.startsWith("share")) continue;
      const foreign = importsOf(join(dist, name)).filter((id) => !isBuiltin(id) && !id.startsWith("."));
      expect(foreign, name).toEqual([]);
    }
  });

  it("has the verifier in one file that needs node:crypto only", () => {
    expect(importsOf(join(dist, "verifier.mjs"))).toEqual(["node:crypto"]);
  });

  it("is what the package publishes", () => {
    expect(manifest.bin.witnessops).toBe("dist/witnessops.mjs");
    expect(manifest.exports["./verifier"]).toBe("./dist/verifier.mjs");
    expect(manifest.files).toContain("dist");
  });

  it("answers the version, makes a workspace, calls, exports, and its verifier verifies", async () => {
    const version = execFileSync(process.execPath, [program, "--version"], { cwd: folder, encoding: "utf8" });
    expect(version.trim()).toBe(manifest.version);

    const { workspace, confirm, call, run } = makeCallWorkspace(program, folder);
    // The catalog with its drafts, and the contract of this workspace.
    const count = globSync("catalog/**/*.yaml", { cwd: root }).length + 1;
    expect(run("catalog", "lint")).toContain(`${count} contracts, 0 errors`);
    const view = JSON.parse(run(...call, "--json"));
    expect(view.steps).toMatchObject([{ outcome: "executed", outputs: { exitCode: 0 } }]);
    run("bundle", "export", view.run, "--out", join(folder, "run.tar"));
    const confirmed = confirm.flatMap((key) => ["--confirm", key]);
    run("trust", "new", join(folder, "trust.json"), "--from-workspace", ...confirmed);
    expect(readdirSync(join(workspace, "tools"))).toContain("tls-versions.mjs");

    // What makes answers for mocks is a tool of authors, and no part of the build.
    const mock = spawnSync(process.execPath, [program, "catalog", "test", "okta.user", "--mock"], {
      cwd: workspace,
      encoding: "utf8",
    });
    expect([mock.status, mock.stderr]).toEqual([
      1,
      expect.stringMatching(
        /needs the package `json-schema-faker`, which is not installed\nhint: npm install/,
      ),
    ]);

    const alone = join(folder, "alone");
    mkdirSync(alone);
    copyFileSync(join(dist, "verifier.mjs"), join(alone, "verifier.mjs"));
    const { parseTrust, tarBundle, verifyBundle } = (await import(
      pathToFileURL(join(alone, "verifier.mjs")).href
    )) as typeof Verifier;
    const tar = readFileSync(join(folder, "run.tar"));
    const trust = parseTrust(readFileSync(join(folder, "trust.json"), "utf8"));
    const report = await verifyBundle(tarBundle(tar), trust);
    expect(report.verdict).toBe("valid");
  }, 120_000);
});

/** What a bundled module imports, statically and dynamically. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const { errors, module } = parseSync(file, text);
  expect(errors, file).toEqual([]);
  const found = module.staticImports.map(({ moduleRequest }) => moduleRequest.value);
  for (const { moduleRequest } of module.dynamicImports) {
    // The one import of what is named while it runs: the generator that makes answers for mocks, where it is installed.
    const isNamed = /["'`]/.test(text[moduleRequest.start] ?? "");
    if (!isNamed && /[/\\]test-mock-[^/\\]+$/.test(file)) continue;
    found.push(text.slice(moduleRequest.start + 1, moduleRequest.end - 1));
  }
  return [...new Set(found)];
}
