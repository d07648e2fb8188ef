// npm run bench: prints every figure beside its target; `-- --json` prints one JSON object instead, and
// WITNESSOPS_BENCH=quick measures each only briefly. What the figures mean: bench/README.md.
import { benchAdapters } from "./adapters.ts";
import { benchBrowser } from "./browser.ts";
import { benchCapture } from "./capture.ts";
import { benchCatalogSize } from "./catalog-size.ts";
import { benchColdStart } from "./cold-start.ts";
import type { Line } from "./figure.ts";
import { benchGovernedStep } from "./governed-step.ts";
import { benchImport } from "./import-openapi.ts";
import { benchLog } from "./log.ts";
import { benchPeople } from "./people.ts";
import { machine, renderJson, renderTable } from "./report.ts";
import { benchVerification } from "./verification.ts";

const parts = [
  ["governed step", benchGovernedStep],
  ["cold start", benchColdStart],
  ["verification", benchVerification],
  ["browser", benchBrowser],
  ["capture", benchCapture],
  ["people", benchPeople],
  ["import", benchImport],
  ["catalog", benchCatalogSize],
  ["adapters", benchAdapters],
  ["log", benchLog],
] as const;

const json = process.argv.includes("--json");
const effort = { quick: process.env.WITNESSOPS_BENCH === "quick" };
const lines: Line[] = [];
const began = performance.now();
for (const [name, measure] of parts) {
  if (process.stderr.isTTY) process.stderr.write(`measuring ${name} …\n`);
  lines.push(...(await measure(effort)));
}
const seconds = (performance.now() - began) / 1000;
if (json) {
  console.log(renderJson(lines, seconds));
} else {
  const { node, platform, cpu, cores, loadAverage } = machine();
  console.log(renderTable(lines));
  console.log(`\n${cores} cores, ${cpu}, ${platform}, Node.js ${node}, load average ${loadAverage}`);
  console.log(`${effort.quick ? "quick: rough figures; " : ""}measured in ${Math.round(seconds)} s`);
}
