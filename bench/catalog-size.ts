import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCallWorkspace } from "./call-workspace.ts";
import { type Effort, type Line, medianOf } from "./figure.ts";

const CONTRACTS = 2000;

/**
 * The built package in a workspace of 2,000 more contracts: listing and linting all of them, and one whole `call` beside
 * the same in a workspace of the catalog alone. Taken in turn, median.
 */
export async function benchCatalogSize({ quick }: Effort): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-catalog-size-"));
  try {
    const dist = join(folder, "dist");
    execFileSync(process.execPath, [join(import.meta.dirname, "..", "scripts", "build.ts"), dist]);
    const program = join(dist, "witnessops.mjs");
    const [small, large] = ["small", "large"].map((name) => {
      const home = join(folder, name);
      mkdirSync(home);
      return makeCallWorkspace(program, home, name === "large" ? addContracts : undefined);
    }) as [ReturnType<typeof makeCallWorkspace>, ReturnType<typeof makeCallWorkspace>];
    large.run("catalog", "list");
    const times = { list: [], lint: [], small: [], large: [] } as Record<string, number[]>;
    const time = (name: string, work: () => unknown): void => {
      const began = performance.now();
      work();
      times[name]?.push(performance.now() - began);
    };
    for (let round = 0; round < (quick ? 3 : 9); round++) {
      time("list", () => large.run("catalog", "list"));
      time("small", () => small.run(...small.call));
      time("large", () => large.run(...large.call));
      if (round % 3 === 0) time("lint", () => large.run("catalog", "lint"));
    }
    const [list, lint, alone, among] = ["list", "lint", "small", "large"].map((name) =>
      medianOf(times[name] ?? []),
    ) as [number, number, number, number];
    const of = `of ${CONTRACTS} more contracts`;
    return [
      {
        id: "catalogListMs",
        name: `\`catalog list\` ${of}`,
        kind: "figure",
        value: list,
        unit: "ms",
        target: { atMost: 400 },
      },
      {
        id: "catalogLintSeconds",
        name: `\`catalog lint\` ${of}`,
        kind: "figure",
        value: lint / 1000,
        unit: "s",
        target: { atMost: 10 },
      },
      {
        id: "callAmongManyMs",
        name: `what a \`call\` takes longer ${of}`,
        kind: "figure",
        value: among - alone,
        unit: "ms",
        target: { atMost: 20 },
      },
      { id: "callAloneMs", name: "beside: the `call` without them", kind: "floor", value: alone, unit: "ms" },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function addContracts(workspace: string): void {
  const text = readFileSync(join(import.meta.dirname, "..", "catalog", "dns", "records.yaml"), "utf8");
  const many = join(workspace, "catalog", "many");
  mkdirSync(many);
  for (let i = 0; i < CONTRACTS; i++)
    writeFileSync(join(many, `c${i}.yaml`), text.replace("id: dns.records", `id: many.c${i}`));
}
