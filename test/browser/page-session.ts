import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { needProgram } from "../../scripts/need-program.ts";
import type { Report } from "../../src/verifier/index.ts";

/** Why there is no browser to test with; undefined when there is one. */
export const noBrowser = needProgram("chromium", "chromium");

/** A built page in a folder of its own, as somebody who saved it has it, and a browser. */
export interface PageSession {
  readonly folder: string;
  readonly browser: Browser;
  /** The saved page, opened without a network. `requests` are the addresses that it asked for. */
  open(options?: BrowserContextOptions): Promise<{ page: Page; requests: string[]; problems: string[] }>;
  close(): Promise<void>;
}

/** Builds the page and starts Chromium. */
export async function startPageSession(): Promise<PageSession> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-page-"));
  const dist = join(folder, "dist");
  const build = join(import.meta.dirname, "../../scripts/build.ts");
  execFileSync(process.execPath, [build, dist], { stdio: ["ignore", "ignore", "inherit"] });
  // A browser that runs as root has no sandbox of its own; elsewhere it keeps it.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  return {
    folder,
    browser,
    async open(options) {
      const context = await browser.newContext(options);
      await context.setOffline(true);
      const page = await context.newPage();
      const requests: string[] = [];
      const problems: string[] = [];
      context.on("request", (request) => requests.push(request.url()));
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
      });
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(pathToFileURL(join(dist, "verifier.html")).href);
      return { page, requests, problems };
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Chooses a bundle (a path, or a file in memory) and a trust file, and waits for what the page says. */
export async function verifyOnPage(
  page: Page,
  bundle: string,
  trust: string | undefined,
  input: "bundle-file" | "bundle-folder" = "bundle-file",
): Promise<void> {
  await page.setInputFiles(`#${input}`, bundle);
  if (trust !== undefined) await page.setInputFiles("#trust-file", trust);
  else if (await page.locator("#trust-remove").isVisible()) await page.click("#trust-remove");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.locator("#verdict, #problem:not(:empty)").first().waitFor({ timeout: 60_000 });
}

/** What a download of the page holds. */
export async function saved(page: Page, name: "JSON" | "page", folder: string): Promise<string> {
  const waiting = page.waitForEvent("download");
  await page.getByRole("link", { name: `Save the report as ${name === "page" ? "a page" : name}` }).click();
  const path = join(folder, "downloads", (await waiting).suggestedFilename());
  mkdirSync(join(folder, "downloads"), { recursive: true });
  await (await waiting).saveAs(path);
  return readFileSync(path, "utf8");
}

/** The report that the page gives as JSON. */
export async function savedReport(page: Page, folder: string): Promise<Report> {
  return JSON.parse(await saved(page, "JSON", folder));
}
