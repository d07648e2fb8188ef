// Bundles what is published, into dist/ or the folder that is named:
//   witnessops.mjs  the command: a small entry and chunks that load when a command needs them
//   verifier.mjs    the verifier as one file without dependencies, WebAssembly included
//   verifier.browser.mjs   the same for browsers, with Web Cryptography
//   verifier.html   the same as a page to be saved and opened without a network
//   types/          the types of both
//   share/          what `init` and `demo` copy into a workspace
//   LICENSES.txt    the licences of the packages inside
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type OutputOptions, type Plugin, type RolldownOutput } from "rolldown";

import { verifierPage } from "./verifier-page.ts";
import { writeVerifierTypes } from "./verifier-types.ts";

/** What a build needs to know of a WebAssembly module; the types of the browser are not loaded here. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  Module: {
    imports(module: object): { module: string }[];
    exports(module: object): { name: string }[];
  };
};

const root = join(import.meta.dirname, "..");
const dist = resolve(process.argv[2] ?? join(root, "dist"));
/** Read at run time by `init` and `demo`; see `src/cli/package-files.ts`. */
const SHARED = ["catalog", "mappings", "operations", "runbooks", "policies", "schemas", "examples"];
const bundled = new Set<string>();

// A folder is emptied only when it is a build, or empty already.
if (existsSync(dist) && readdirSync(dist).length > 0 && !existsSync(join(dist, "verifier.mjs"))) {
  throw new Error(`${dist} holds something else than a build`);
}
rmSync(dist, { recursive: true, force: true });
const script: OutputOptions = { format: "iife", codeSplitting: false };
const command = await bundle("src/cli/main.ts", "node", wasm("file"), {
  dir: dist,
  entryFileNames: "witnessops.mjs",
  chunkFileNames: "chunks/[name]-[hash].mjs",
  assetFileNames: "chunks/[name]-[hash][extname]",
  banner: (chunk) => (chunk.isEntry ? "#!/usr/bin/env node" : ""),
});
// Neutral: what is bundled for Node.js gets a `require` of its own, which needs another built-in than node:crypto.
const verifier = await bundle("src/verifier/index.ts", "neutral", wasm("inline"), {
  file: join(dist, "verifier.mjs"),
  codeSplitting: false,
});
const browser = await bundle("src/verifier/index.ts", "browser", wasm("inline"), {
  file: join(dist, "verifier.browser.mjs"),
  codeSplitting: false,
});
const worker = await bundle("src/page/worker.ts", "browser", wasm("inline"), script);
const page = await bundle("src/page/main.ts", "browser", wasm("inline"), script);
for (const { output } of [verifier, browser, worker, page])
  if (output.length !== 1) throw new Error(`the verifier is ${output.length} files, not one`);
writeVerifierTypes(join(dist, "types"));
writeFileSync(join(dist, "verifier.html"), verifierPage(codeOf(page), codeOf(worker)));
chmodSync(join(dist, "witnessops.mjs"), 0o755);
// Run by its path, in the namespace of an isolated tool: it lies beside the chunk that names it.
const namer = command.output.find(
  (item) =>
    item.type === "chunk" && item.moduleIds.some((id) => id.endsWith("/adapters/exec/open-sandbox.ts")),
);
if (namer === undefined) throw new Error("no chunk holds the sandbox of tools");
cpSync(join(root, "src/adapter/egress/forwarder.mjs"), join(dist, dirname(namer.fileName), "forwarder.mjs"));
for (const name of SHARED) cpSync(join(root, name), join(dist, "share", name), { recursive: true });
writeFileSync(join(dist, "LICENSES.txt"), licences());

const made = [...command.output, ...verifier.output, ...browser.output].map(({ fileName }) => fileName);
for (const fileName of [...made, "verifier.html"]) {
  const kilobytes = Math.ceil(statSync(join(dist, fileName)).size / 1024);
  console.log(`${relative(root, join(dist, fileName))}  ${kilobytes} KB`);
}

async function bundle(
  entry: string,
  platform: "node" | "neutral" | "browser",
  plugin: Plugin,
  output: OutputOptions,
): Promise<RolldownOutput> {
  const result = await build({
    input: join(root, entry),
    write: "file" in output || "dir" in output,
    platform: platform === "node" ? "node" : "neutral",
    // The neutral platform has no default; without the condition `node`, packages give what runs anywhere.
    ...(platform === "node"
      ? {}
      : { resolve: { mainFields: ["module", "main"], conditionNames: ["import", "default"] } }),
    tsconfig: join(root, "tsconfig.json"),
    external: [/^node:/, ...builtinModules],
    plugins: platform === "browser" ? [plugin, browserTwins()] : [plugin],
    // the package denies the side effect by which this module hands the WebAssembly instance to the others
    treeshake: { moduleSideEffects: [{ test: /cedar_wasm\.js$/, sideEffects: true }] },
    output: { format: "esm", minify: true, keepNames: true, ...output },
    onLog(level, log, write) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      write(level, log);
    },
  });
  for (const item of result.output) {
    if (item.type !== "chunk") continue;
    for (const id of item.moduleIds) bundled.add(id);
    const own = new Set(result.output.map(({ fileName }) => fileName));
    const foreign = [...item.imports, ...item.dynamicImports].filter((id) => !own.has(id) && !isBuiltin(id));
    if (foreign.length > 0) throw new Error(`${item.fileName} still imports ${foreign.join(", ")}`);
  }
  return result;
}

function codeOf({ output }: RolldownOutput): string {
  const [chunk] = output;
  // HTML ends a script at this, wherever it stands; and it changes other texts in ways that are not undone.
  const code = chunk.code.replaceAll("</script", "<\\/script");
  if (/<!--|\0|\r/.test(code)) throw new Error(`${chunk.fileName} holds what HTML would change`);
  return code;
}

function isBuiltin(id: string): boolean {
  return id.startsWith("node:") || builtinModules.includes(id);
}

/** `x.browser.ts` takes the place of `x.ts`, where there is one. */
function browserTwins(): Plugin {
  return {
    name: "browser-twins",
    async resolveId(source, importer) {
      if (!source.startsWith(".")) return null;
      const found = await this.resolve(source, importer, { skipSelf: true });
      const twin = found?.id.replace(/(?<!\.browser)\.ts$/, ".browser.ts");
      return twin !== undefined && twin !== found?.id && existsSync(twin) ? twin : null;
    },
  };
}

/** Instantiates imported WebAssembly modules: from a file beside the chunk, or from their bytes in the source. */
function wasm(place: "file" | "inline"): Plugin {
  return {
    name: "wasm",
    async resolveId(source, importer) {
      // this entry reads its file by itself, from a folder that a bundle does not have; the plain one imports it
      if (source !== "@cedar-policy/cedar-wasm/nodejs") return null;
      return await this.resolve("@cedar-policy/cedar-wasm", importer);
    },
    async load(id) {
      if (!id.endsWith(".wasm")) return null;
      const bytes = readFileSync(id);
      const module = await WebAssembly.compile(bytes);
      const imports = [...new Set(WebAssembly.Module.imports(module).map((entry) => entry.module))];
      const names = WebAssembly.Module.exports(module).map(({ name }) => name);
      const source =
        place === "inline"
          ? [
              `const text = atob("${bytes.toString("base64")}");`,
              "const bytes = new Uint8Array(text.length);",
              "for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);",
            ]
          : [
              `import { readFileSync } from "node:fs";`,
              `const bytes = readFileSync(new URL(import.meta.ROLLUP_FILE_URL_${this.emitFile({
                type: "asset",
                name: basename(id),
                source: bytes,
              })}));`,
            ];
      return [
        ...imports.map((name, index) => `import * as import${index} from ${JSON.stringify(name)};`),
        ...source,
        `const imports = { ${imports.map((name, index) => `${JSON.stringify(name)}: import${index}`).join(", ")} };`,
        "const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);",
        ...names.map((name, index) => `const export${index} = exports[${JSON.stringify(name)}];`),
        `export { ${names.map((name, index) => `export${index} as ${JSON.stringify(name)}`).join(", ")} };`,
      ].join("\n");
    },
  };
}

/** The licence file of every package that went into a bundle. */
function licences(): string {
  const marker = `${join(root, "node_modules")}/`.replaceAll("\\", "/");
  const folders = new Set<string>();
  for (const id of bundled) {
    const path = id.replaceAll("\\", "/");
    const name = path.startsWith(marker) && /^(@[^/]+\/)?[^/]+/.exec(path.slice(marker.length))?.[0];
    if (name) folders.add(join(root, "node_modules", name));
  }
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const files = globSync("{LICENSE,LICENCE,NOTICE,COPYING}*", { cwd: folder }).sort();
      const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
      return [`${name} ${version} (${license})`, ...texts].join("\n\n");
    })
    .join(`\n\n${"-".repeat(80)}\n\n`)
    .concat("\n");
}
