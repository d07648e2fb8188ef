import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noBrowser, type PageSession, startPageSession, verifyOnPage } from "../test/browser/page-session.ts";
import type { Effort, Line } from "./figure.ts";
import { makeManyReceipts } from "./many-receipts.ts";

/** Seconds in which the page checks a bundle of many receipts, and how long it stood still meanwhile, in Chromium. */
export async function benchBrowser({ quick }: Effort): Promise<Line[]> {
  const name = "receipts checked by the page in Chromium";
  if (noBrowser !== undefined)
    return [{ id: "browserSeconds", name, skipped: noBrowser.replace(/^skipped: /, "") }];
  const wanted = quick ? 1000 : 10_000;
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-browser-"));
  let session: PageSession | undefined;
  try {
    const { bundle, trust, receipts } = makeManyReceipts(folder, wanted);
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
