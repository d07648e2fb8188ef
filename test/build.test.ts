import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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

  it("has the verifier for browsers in one file that needs nothing but the platform of the web", () => {
    expect(importsOf(join(dist, "verifier.browser.mjs"))).toEqual([]);
  });

  it("has the page in one file whose policy names its only script and style", () => {
    const page = readFileSync(join(dist, "verifier.html"), "utf8");
    const [, policy = ""] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
    const script = page.slice(
      page.lastIndexOf("<script>") + "<script>".length,
      page.lastIndexOf("</script>"),
    );
    const [, style = ""] = /<style>([^<]*)<\/style>/.exec(page) ?? [];
    const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      "connect-src 'none'",
      `script-src ${hash(script)} 'wasm-unsafe-eval'`,
      `style-src ${hash(style)}`,
      "worker-src blob:",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types witnessops-worker",
    ]);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toMatch(/<(link|img|iframe|object|embed|base)\b|\ssrc=|\son[a-z]+=|\sstyle=/);
  });

  it("is what the package publishes", () => {
    expect(manifest.bin.witnessops).toBe("dist/witnessops.mjs");
    const { types, browser, default: node } = manifest.exports["./verifier"];
    for (const path of [types, browser, node, manifest.exports["./verifier.html"]])
      expect(existsSync(join(folder, path)), path).toBe(true);
    expect(manifest.files).toContain("dist");
  });

  it("has types that a strict program can use, without any package", () => {
    const user = join(folder, "user");
    mkdirSync(join(user, "node_modules", "witnessops"), { recursive: true });
    cpSync(join(dist, "types"), join(user, "node_modules", "witnessops", "dist", "types"), {
      recursive: true,
    });
    copyFileSync(join(root, "package.json"), join(user, "node_modules", "witnessops", "package.json"));
    const options = {
      strict: true,
      noEmit: true,
      module: "nodenext",
      target: "es2024",
      types: [],
      lib: ["es2025"],
    };
    writeFileSync(
      join(user, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...options, skipLibCheck: false }, files: ["user.mts"] }),
    );
    const program = (verdict: string) => `
      import { parseTrust, tarBundle, type Trust, verifyBundle } from "witnessops/verifier";
      const trust: Trust = parseTrust("{}");
      const roots: string[] = trust.issuerRoots.map((root) => root.name);
      const report = await verifyBundle(tarBundle(new Uint8Array()), trust);
      export const found: [${verdict}, string[]] = [report.verdict, roots];
    `;
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const check = () => spawnSync(process.execPath, [tsc, "-p", user], { encoding: "utf8" }).stdout;
    writeFileSync(join(user, "user.mts"), program('"valid" | "invalid" | "indeterminate"'));
    expect(check()).toBe("");
    writeFileSync(join(user, "user.mts"), program('"valid"'));
    expect(check()).toContain("error TS2322");
  }, 120_000);

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
    const tar = readFileSync(join(folder, "run.tar"));
    for (const name of ["verifier.mjs", "verifier.browser.mjs"]) {
      copyFileSync(join(dist, name), join(alone, name));
      const { parseTrust, tarBundle, verifyBundle } = (await import(
        pathToFileURL(join(alone, name)).href
      )) as typeof Verifier;
      const trust = parseTrust(readFileSync(join(folder, "trust.json"), "utf8"));
      const report = await verifyBundle(tarBundle(tar), trust);
      expect([name, report.verdict]).toEqual([name, "valid"]);
    }
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
