import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { type Effort, type Line, medianOf } from "./figure.ts";

const OPERATIONS = 1000;
const SCHEMAS = 2200;

/**
 * Drafts a contract of each of the 1,000 operations of a description of 5 MB in YAML, whose schemas refer to each other
 * in long chains and circles; from the start of the process to its end, beside reading the same text as YAML alone.
 */
export async function benchImport({ quick }: Effort): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-import-"));
  try {
    const text = stringify(bigDescription(), { lineWidth: 0, aliasDuplicateObjects: false });
    const from = join(folder, "big.yaml");
    writeFileSync(from, text);
    const seconds: number[] = [];
    const floors: number[] = [];
    let peak = 0;
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      const root = join(folder, `workspace-${round}`);
      mkdirSync(root);
      const began = performance.now();
      const printed = execFileSync(process.execPath, [
        join(import.meta.dirname, "import-openapi-child.ts"),
        from,
        root,
      ]);
      seconds.push((performance.now() - began) / 1000);
      peak = Math.max(peak, Number(printed));
      const drafts = readdirSync(join(root, "drafts")).length;
      if (drafts !== OPERATIONS) throw new Error(`${drafts} drafts, not ${OPERATIONS}`);
      const read = performance.now();
      parseDocument(readFileSync(from, "utf8"), { uniqueKeys: false });
      floors.push((performance.now() - read) / 1000);
    }
    return [
      {
        id: "importSeconds",
        name: `import of ${OPERATIONS} operations, ${(text.length / 1e6).toFixed(1)} MB`,
        kind: "figure",
        value: medianOf(seconds),
        unit: "s",
        target: { atMost: 10 },
      },
      { id: "yamlSeconds", name: "floor: read as YAML", kind: "floor", value: medianOf(floors), unit: "s" },
      {
        id: "importPeakMiB",
        name: "peak memory of the import",
        kind: "figure",
        value: peak,
        unit: "MiB",
        target: { atMost: 1024 },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bigDescription(): object {
  const schemas = new Map<string, object>();
  for (let i = 0; i < SCHEMAS; i++) {
    const fields = Array.from({ length: 14 }, (_, field) => [
      `field_${field}`,
      {
        type: field % 2 === 0 ? "integer" : "string",
        description: "A field of the thing, as the vendor describes it",
        nullable: field % 3 === 0,
      },
    ]);
    const parent = { $ref: `#/components/schemas/Thing${(i * 7) % SCHEMAS}` };
    schemas.set(`Thing${i}`, {
      type: "object",
      required: ["id"],
      description: `Thing number ${i}, which stands for something that a vendor has`,
      properties: { id: { type: "string", format: "uuid" }, parent, ...Object.fromEntries(fields) },
    });
  }
  const paths = Array.from({ length: OPERATIONS }, (_, i) => {
    const schema = { $ref: `#/components/schemas/Thing${i}` };
    const get = {
      operationId: `getThing${i}`,
      summary: "Reads one",
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
      responses: { 200: { description: "ok", content: { "application/json": { schema } } } },
    };
    return [`/things${i}/{id}`, { get }] as const;
  });
  return {
    openapi: "3.0.3",
    info: { title: "Big", version: "1" },
    servers: [{ url: "https://big.example/v1" }],
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}
