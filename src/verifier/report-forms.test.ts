import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Static } from "typebox";
import { describe, expect, it } from "vitest";
import { forge } from "../../test/fixtures/forge-bundle.ts";
import { sampleBundle, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { checkSchema } from "../contract/check-schema.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import {
  memoryBundle,
  parseTrust,
  type ReceiptReport,
  type Report,
  receiptView,
  reportPage,
  reportView,
  tarBundle,
  type View,
  verifyBundle,
  verifyReceipt,
} from "./index.ts";
import { receiptReportSchema, reportSchema } from "./report-schema.ts";
import { reportStyle } from "./report-style.ts";

const vectors = join(import.meta.dirname, "../../vectors");
const named = globSync("{bundle,proof-class,sealed}/**/vector.json", { cwd: vectors }).sort();
const context = { subject: "bundle.tar", trust: { name: "trust.json", digest: "sha256:00" } };

/** Types alone: the schema has every member of the report, and the report every member of the schema. */
type Plain<T> = T extends object
  ? {
      -readonly [Key in keyof T]: Key extends "outputs"
        ? Record<string, unknown>
        : Key extends "cites"
          ? unknown[]
          : Plain<T[Key]>;
    }
  : T;
const formOfReport = (report: Plain<Report>): Static<typeof reportSchema> => report;
const formOfReceipt = (report: Plain<ReceiptReport>): Static<typeof receiptReportSchema> => report;

async function reportOf(name: string): Promise<Report> {
  const { bundle, trust } = JSON.parse(readFileSync(join(vectors, name), "utf8"));
  const folder = join(vectors, dirname(name));
  return await verifyBundle(
    tarBundle(readFileSync(join(folder, bundle))),
    trust === null ? undefined : parseTrust(readFileSync(join(folder, trust), "utf8")),
  );
}

describe("the report", () => {
  it.each(named)("of %s fits its schema, and its page shows all of it", async (name) => {
    const report: Report = JSON.parse(JSON.stringify(await reportOf(name)));
    expect(checkSchema(reportSchema, formOfReport(report as Plain<Report>))).toEqual([]);
    const shown = textOf(reportView(report, context));
    for (const text of leaves(report)) expect(shown).toContain(text);
  });

  it("does not fit with a member too many or too few", async () => {
    const report = await reportOf("bundle/accept/small/vector.json");
    expect(checkSchema(reportSchema, { ...report, more: 1 })).not.toEqual([]);
    expect(checkSchema(reportSchema, { ...report, steps: undefined })).not.toEqual([]);
  });

  it("of one receipt fits its schema, and its page shows all of it", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const [line = ""] = new TextDecoder().decode(sample.files.get("receipts/receipts.ndjson")).split("\n");
    const certificates = [...sample.files].flatMap(([path, bytes]) =>
      path.includes("/key-certificate/") ? [bytes] : [],
    );
    for (const bytes of [line, line.replace("a", "b")].map((text) => new TextEncoder().encode(text))) {
      const report = await verifyReceipt(bytes, sample.trust, certificates);
      expect(checkSchema(receiptReportSchema, formOfReceipt(report as Plain<ReceiptReport>))).toEqual([]);
      const shown = textOf(receiptView(report, context));
      for (const text of leaves(report)) expect(shown).toContain(text);
    }
  });
});

describe("the report's page", () => {
  it("is HTML in which nothing of a bundle is markup, and which loads and runs nothing", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const files = await forge(sample, {
      receipt: ({ predicate }) => {
        if (predicate.step?.id === "hello" && predicate.invocation?.outputs)
          predicate.invocation.outputs = { '<b a="1">': "</td><script>alert('1')</script>&\u202e" };
        return undefined;
      },
    });
    const report = await verifyBundle(memoryBundle(files), sampleTrust());
    const page = reportPage(
      reportView(report, { subject: "<i>.tar\u202e", trust: undefined }),
      "<i>.tar\u202e",
    );
    expect(page).toContain("&lt;b a=&quot;1&quot;&gt;");
    expect(page).toContain("&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\\u{202e}");
    expect(page).not.toContain("\u202e");
    expect(page).not.toMatch(/<(script|b|i|img|a|link|iframe|form|object)[ >]/);
    expect(page).toMatch(
      /content="default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]+='; base-uri 'none'; form-action 'none'"/,
    );
  });

  it("is the same for the same report", async () => {
    const page = async () =>
      reportPage(reportView(await reportOf("bundle/accept/whole/vector.json"), context), "bundle.tar");
    expect(await page()).toBe(await page());
  });

  it("counts what it does not show, when told to show less", async () => {
    const report = await reportOf("bundle/accept/whole/vector.json");
    expect(textOf(reportView(report, context, { maxRows: 2 }))).toContain(
      `and ${report.steps.length - 2} more: the report file has all of them`,
    );
  });

  it("has a contrast of 4.5 to 1 or more, light and dark", () => {
    const [light = "", dark = ""] = reportStyle.split("@media (prefers-color-scheme: dark)");
    for (const theme of [light, dark]) {
      const colour = (name: string) =>
        luminance(new RegExp(`--${name}: (#[0-9a-f]+)`).exec(theme)?.[1] ?? "");
      const pairs = [
        ...["ink", "quiet", "good", "bad", "open", "focus"].map((name) => [name, "paper"]),
        ...["ink", "quiet", "good", "bad", "open"].map((name) => [name, "panel"]),
        ...["good", "bad", "open"].flatMap((name) => [
          [name, `${name}-panel`],
          ["ink", `${name}-panel`],
          ["quiet", `${name}-panel`],
        ]),
      ] as [string, string][];
      for (const [ink, paper] of pairs) {
        const [low = 0, high = 0] = [colour(ink), colour(paper)].sort((a, b) => a - b);
        expect((high + 0.05) / (low + 0.05), `${ink} on ${paper}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

/** Every text and number in a report, as it should be readable. */
function leaves(value: unknown, inJson = false): string[] {
  if (typeof value === "string") return [inJson ? JSON.stringify(value).slice(1, -1) : value];
  if (typeof value === "number") return [String(value)];
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, inJson));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    if (name === "outputs")
      return [...Object.keys(item), ...Object.values(item as object).map(canonicalJson)];
    return leaves(item, inJson || name === "cites");
  });
}

function textOf(view: View): string {
  return typeof view === "string" ? view : view.children.map(textOf).join(" ");
}

/** Relative luminance (WCAG 2.2). */
function luminance(hex: string): number {
  const digits = hex.length === 4 ? hex.slice(1).replace(/./g, "$&$&") : hex.slice(1);
  const [red = 0, green = 0, blue = 0] = (digits.match(/../g) ?? []).map((pair) => {
    const share = Number.parseInt(pair, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
