import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { writeTar } from "../src/format/tar.ts";
import { exportBundle } from "../src/run/export-bundle.ts";
import { noBrowser, type PageSession, startPageSession, verifyOnPage } from "../test/browser/page-session.ts";
import type { Effort, Line } from "./figure.ts";
import { longRunbook, oneRun, openBenchLane } from "./governed-step.ts";

/** Seconds in which the page checks a bundle of many receipts, and how long it stood still meanwhile, in Chromium. */
export async function benchBrowser({ quick }: Effort): Promise<Line[]> {
  const name = "receipts checked by the page in Chromium";
  if (noBrowser !== undefined)
    return [{ id: "browserSeconds", name, skipped: noBrowser.replace(/^skipped: /, "") }];
  const wanted = quick ? 1000 : 10_000;
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-browser-"));
  const bundle = join(folder, "bundle.tar");
  const trust = join(folder, "trust.json");
  let session: PageSession | undefined;
  try {
    const receipts = await makeBundle(bundle, trust, wanted);
    session = await startPageSession();
    const { page } = await session.open();
    await page.evaluate(WATCH_FRAMES);
    const began = performance.now();
    await verifyOnPage(page, bundle, trust);
    const seconds = (performance.now() - began) / 1000;
    const verdict = await page.locator("#verdict").textContent();
    if (verdict !== "✓ valid") throw new Error(`the bundle is ${verdict}`);
    const gap = Number(await page.evaluate("longestGap"));
    const target = quick ? {} : { target: { atMost: 15 } };
    return [
      {
        id: "browserSeconds",
        name: `page in Chromium: ${receipts.toLocaleString("en")} receipts`,
        kind: "figure",
        value: seconds,
        unit: "s",
        ...target,
      },
      {
        id: "browserLongestFrame",
        name: "page in Chromium: longest time between two frames",
        kind: "figure",
        value: gap,
        unit: "ms",
        target: { atMost: 250 },
      },
      ...["verifier.html", "verifier.browser.mjs", "verifier.mjs"].map(
        (file): Line => ({
          id: `size-${file}`,
          name: `size of ${file}`,
          kind: "figure",
          value: statSync(join(session?.folder ?? "", "dist", file)).size / 1e6,
          unit: "MB",
        }),
      ),
    ];
  } finally {
    await session?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs in the page: what a person sees as freezing is time without a frame. */
const WATCH_FRAMES = `
  globalThis.longestGap = 0;
  let last = performance.now();
  requestAnimationFrame(function frame() {
    const now = performance.now();
    globalThis.longestGap = Math.max(globalThis.longestGap, now - last);
    last = now;
    requestAnimationFrame(frame);
  });
`;

/** Runs until there are that many receipts, and exports them all. */
async function makeBundle(bundle: string, trust: string, wanted: number): Promise<number> {
  const bench = await openBenchLane();
  try {
    const runs: string[] = [];
    // Each opens, ends its steps, and closes.
    const perRun = longRunbook.steps.length + 2;
    while (runs.length * perRun < wanted) {
      const some = Math.min(20, Math.ceil(wanted / perRun) - runs.length);
      runs.push(...(await Promise.all(Array.from({ length: some }, () => oneRun(bench.lane, longRunbook)))));
    }
    const files = await exportBundle(bench.lane, runs);
    await pipeline(writeTar(files), createWriteStream(bundle));
    writeFileSync(trust, JSON.stringify(bench.trust));
    let receipts = 0;
    for (const file of files.filter(({ path }) => path === "receipts/receipts.ndjson"))
      for await (const chunk of file.read()) receipts += chunk.filter((byte) => byte === 10).length;
    return receipts;
  } finally {
    bench.close();
  }
}
