// The import rules of .dependency-cruiser.cjs, on the sources, and first on test/import-violation, where
// each rule is broken at least once. A checker that cannot read the sources passes everything: this one fails then.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

interface Report {
  summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
}

const root = join(import.meta.dirname, "..");
const config = join(root, ".dependency-cruiser.cjs");
const rules: { forbidden: { name: string }[] } = createRequire(import.meta.url)(config);

function cruise(folder: string): Report["summary"] {
  const present = ["src", "test", "bench", "scripts"].filter((name) => existsSync(join(folder, name)));
  const program = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const result = spawnSync(process.execPath, [program, "--config", config, "-T", "json", ...present], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (result.error) throw result.error;
  if (result.stderr) process.stderr.write(result.stderr);
  const report: Report = JSON.parse(result.stdout);
  return report.summary;
}

const broken = new Set(cruise(join(root, "test/import-violation")).violations.map(({ rule }) => rule.name));
const blind = rules.forbidden.map(({ name }) => name).filter((name) => !broken.has(name));
for (const name of blind)
  console.error(`error: rule \`${name}\` does not see its violation in test/import-violation`);

const { totalCruised, violations } = cruise(root);
for (const { rule, from, to } of violations) {
  console.error(from === to ? `error: ${rule.name}: ${from}` : `error: ${rule.name}: ${from} imports ${to}`);
}
if (violations.length > 0) console.error("hint: the rules and their reasons are in .dependency-cruiser.cjs");
if (blind.length > 0 || violations.length > 0) process.exitCode = 1;
else console.log(`${totalCruised} files keep ${rules.forbidden.length} import rules`);
