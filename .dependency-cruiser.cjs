// Which folder may import which (docs: CONTRIBUTING.md, "Imports run one way").
// scripts/check-imports.ts runs these rules on the sources, and on test/import-violation,
// where every rule must be broken once: a rule that sees nothing would pass everything.

const { join } = require("node:path");

const test = "\\.test\\.ts$";
const io = "^(node:)?(net|tls|http|https|http2|dns|dgram|child_process|fs|cluster|inspector)(/|$)";

/** Folder → the folders of ours that it may import besides itself. */
const mayImport = {
  format: [],
  contract: ["format"],
  gate: ["format", "contract"],
  evidence: ["format", "contract"],
  receipt: ["format", "contract"],
  ledger: ["format", "contract"],
  adapter: ["format", "contract"],
  verifier: ["format", "contract", "gate"],
  page: ["format", "verifier"],
  run: ["format", "contract", "gate", "adapter", "evidence", "receipt", "ledger"],
  store: ["format", "contract", "evidence", "ledger", "run"],
  infrastructure: ["format", "contract", "evidence", "ledger", "run"],
};
const onTop = ["cli", "server"];
const folders = [...Object.keys(mayImport), "adapters", ...onTop];

const onlyImports = Object.entries(mayImport).map(([folder, others]) => ({
  name: `${folder}-imports`,
  comment: `${folder} imports ${others.length ? `only ${others.join(", ")}` : "nothing else of ours"}`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...onlyImports,
    {
      name: "adapter-folder-imports",
      comment: "adapters/x imports only adapter, contract, format: no other adapter",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/", pathNot: "^src/(adapters/$1|adapter|contract|format)/" },
    },
    {
      name: "adapter-list-imports",
      comment: "adapters/all.ts lists the adapters and imports nothing beyond what they may",
      severity: "error",
      from: { path: "^src/adapters/[^/]+$" },
      to: { path: "^src/", pathNot: "^src/(adapters|adapter|contract|format)/" },
    },
    {
      name: "nothing-imports-the-top",
      comment: "cli and server sit on top and nothing imports them; only cli starts the server",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(cli|server)/" },
      to: { path: "^src/(cli|server)/" },
    },
    {
      name: "nothing-imports-the-page",
      comment: "the verifier's page is built into one file of its own",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/page/" },
      to: { path: "^src/page/" },
    },
    {
      name: "no-builtin-in-the-page",
      severity: "error",
      from: { path: "^src/page/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "server-does-not-import-cli",
      severity: "error",
      from: { path: "^src/server/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "known-folder",
      comment: "a new folder under src needs a rule here first",
      severity: "error",
      from: {},
      to: { path: "^src/", pathNot: `^src/(${folders.join("|")})/` },
    },
    {
      name: "sources-stay-in-src",
      comment: "the product imports nothing from test, bench or scripts",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { path: "^(test|bench|scripts|console|tools)/" },
    },
    {
      name: "no-test-imports",
      comment: "a test is imported by nobody; what tests share lives in test/",
      severity: "error",
      from: {},
      to: { path: test },
    },
    {
      name: "no-builtin-in-pure-folders",
      comment:
        "verifier, gate, contract and format import no Node.js built-in; only format/crypto.ts has node:crypto",
      severity: "error",
      from: { path: "^src/(verifier|gate|contract|format)/", pathNot: [test, "^src/format/crypto\\.ts$"] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "only-crypto-in-crypto",
      severity: "error",
      from: { path: "^src/format/crypto\\.ts$" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
    {
      name: "io-at-the-edges",
      comment:
        "files, processes and the network: adapters, adapter/egress, adapter/http, adapter/program, store, infrastructure, server, cli (evidence: files)",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          test,
          "^src/(adapters|store|infrastructure|server|cli|evidence)/",
          "^src/adapter/(egress|http|program)/",
        ],
      },
      to: { dependencyTypes: ["core"], path: io },
    },
    {
      name: "evidence-only-files",
      severity: "error",
      from: { path: "^src/evidence/", pathNot: test },
      to: { dependencyTypes: ["core"], path: io, pathNot: "^(node:)?fs(/|$)" },
    },
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "a file that imports nothing and that nobody imports is dead",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: [test, "\\.d\\.ts$"] },
      to: {},
    },
    {
      name: "no-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "listed-packages-only",
      comment:
        "what the product imports stands under dependencies in package.json; the demo's stand-in services are " +
        "built in and are never loaded by anything else",
      severity: "error",
      from: { path: "^src/", pathNot: [test, "-conformance\\.ts$", "^src/cli/demo/"] },
      to: {
        dependencyTypes: ["npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "unlisted-package",
      severity: "error",
      from: { path: "^(test|bench|scripts)/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^test/import-violation/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, "tsconfig.json") },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
