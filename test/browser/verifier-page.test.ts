import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { build } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderBundle } from "../../src/cli/bundle-folder.ts";
import { parseTrust, tarBundle, verifyBundle } from "../../src/verifier/index.ts";
import { ownCases, wycheproofCases } from "../fixtures/crypto-cases.ts";
import { forge } from "../fixtures/forge-bundle.ts";
import { sampleBundle, sampleTrust } from "../fixtures/sample-bundle.ts";
import {
  noBrowser,
  type PageSession,
  saved,
  savedReport,
  startPageSession,
  verifyOnPage,
} from "./page-session.ts";

if (noBrowser !== undefined) console.log(noBrowser);

const root = join(import.meta.dirname, "../..");
const vectors = join(root, "vectors");
const named = globSync("{bundle,proof-class,sealed}/**/vector.json", { cwd: vectors }).sort();

describe.skipIf(noBrowser !== undefined)("the verifier's page in Chromium, from disk, offline", () => {
  let session: PageSession;
  beforeAll(async () => {
    session = await startPageSession();
  }, 120_000);
  afterAll(() => session.close());

  it(
    "finds of every vector just what the command line finds, and asks for nothing",
    async () => {
      const { page, requests, problems } = await session.open();
      expect(named.length).toBeGreaterThan(35);
      for (const name of named) {
        const vector: { bundle: string; trust: string | null } = JSON.parse(
          readFileSync(join(vectors, name), "utf8"),
        );
        const bundle = join(vectors, dirname(name), vector.bundle);
        const trust = vector.trust === null ? undefined : join(vectors, dirname(name), vector.trust);
        const wanted = await verifyBundle(
          tarBundle(readFileSync(bundle)),
          trust === undefined ? undefined : parseTrust(readFileSync(trust, "utf8")),
        );
        await verifyOnPage(page, bundle, trust);
        expect([name, await page.locator("#verdict").textContent()]).toEqual([
          name,
          expect.stringMatching(new RegExp(`^. ${wanted.verdict}$`)),
        ]);
        expect(await savedReport(page, session.folder), name).toEqual(JSON.parse(JSON.stringify(wanted)));
      }
      const foreign = requests.filter((url) => !url.startsWith("file://") && !url.startsWith("blob:null/"));
      expect([foreign, problems]).toEqual([[], []]);
    },
    named.length * 15_000,
  );

  it("finds the demo's bundle valid", async () => {
    const made = spawnSync(process.execPath, [join(root, "src/cli/main.ts"), "demo", "--json"], {
      cwd: session.folder,
      encoding: "utf8",
    });
    expect([made.status, made.stderr]).toEqual([0, expect.anything()]);
    const demo: { bundle: string; trust: string } = JSON.parse(made.stdout);
    const { page } = await session.open();
    await verifyOnPage(page, resolve(session.folder, demo.bundle), resolve(session.folder, demo.trust));
    expect(await page.locator("#verdict").textContent()).toBe("✓ valid");
  }, 120_000);

  it("may send nothing, load nothing, and make no text into HTML", async () => {
    const { page } = await session.open();
    const refused = await page.evaluate(async () => {
      const tried: Record<string, boolean> = {};
      tried.fetch = await fetch("https://example.test/").then(
        () => false,
        () => true,
      );
      const image = document.createElement("img");
      tried.image = await new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", () => resolve(true), { once: true });
        image.src = "https://example.test/x.png";
      });
      try {
        document.body.innerHTML = "<b>x</b>";
        tried.html = false;
      } catch {
        tried.html = true;
      }
      return tried;
    });
    expect(refused).toEqual({ fetch: true, image: true, html: true });
  });

  it("verifies a folder, a bundle without trust, and one receipt with its certificate", async () => {
    const sample = await sampleBundle();
    const folder = join(session.folder, "unpacked");
    unpack(sample.files, folder);
    const trust = join(session.folder, "trust.json");
    writeFileSync(trust, JSON.stringify(sample.trust));
    const { page } = await session.open();
    await verifyOnPage(page, folder, trust, "bundle-folder");
    const wanted = await verifyBundle(folderBundle(folder), sample.trust);
    expect(wanted.verdict).toBe("valid");
    // The very bytes of `verify --json` (spec/verification.md).
    expect(await saved(page, "JSON", session.folder)).toBe(`${JSON.stringify(wanted)}\n`);

    await verifyOnPage(page, folder, undefined, "bundle-folder");
    expect(await page.locator("#verdict").textContent()).toBe("? indeterminate");

    const [line = ""] = new TextDecoder().decode(sample.files.get("receipts/receipts.ndjson")).split("\n");
    writeFileSync(join(session.folder, "receipt.json"), line);
    const [certificate] = [...sample.files].filter(([path]) =>
      path.startsWith("definitions/key-certificate/"),
    );
    writeFileSync(join(session.folder, "certificate.json"), certificate?.[1] ?? "");
    await page.getByText("Certificates for one receipt").click();
    await page.setInputFiles("#certificates", join(session.folder, "certificate.json"));
    await verifyOnPage(page, join(session.folder, "receipt.json"), trust);
    expect(await page.locator("#verdict").textContent()).toBe("✓ valid");
    expect(await page.locator("#not-shown").textContent()).toContain("that nothing was left out");
  }, 60_000);

  it("refuses a trust file that lies in the bundle, one that is none, and an empty choice", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const folder = join(session.folder, "own-trust");
    unpack([...sample.files, ["mine.json", JSON.stringify(sample.trust)] as const], folder);
    const { page } = await session.open();
    expect(await page.getByRole("button", { name: "Verify" }).isDisabled()).toBe(true);
    await verifyOnPage(page, folder, join(folder, "mine.json"), "bundle-folder");
    expect(await page.getByRole("alert").textContent()).toContain(
      "FAILURE_INPUT_MALFORMED: the trust file is `mine.json` of the bundle that it should judge",
    );
    expect(await page.locator("#verdict").count()).toBe(0);
    writeFileSync(join(session.folder, "no-trust.json"), "{}");
    await verifyOnPage(page, folder, join(session.folder, "no-trust.json"), "bundle-folder");
    expect(await page.getByRole("alert").textContent()).toContain("FAILURE_INPUT_MALFORMED");
  }, 60_000);

  it("shows hostile names and values as the text that they are", async () => {
    const hostile =
      '<img src=x onerror="document.title=1"></script><script>document.title=2</script>\u202egnp';
    const sample = await sampleBundle({ conclusion: false });
    const files = await forge(sample, {
      receipt: ({ predicate }) => {
        if (predicate.step?.id === "hello" && predicate.invocation?.outputs) {
          predicate.invocation.outputs = { said: `${hostile}\u001b[2J` };
        }
        return undefined;
      },
    });
    const folder = join(session.folder, "hostile");
    const names = ["<img src=x onerror=alert(1)>", "\u202egnp.exe", "a&amp;b"];
    unpack([...files, ...names.map((name) => [name, "x"] as const)], folder);
    const trust = join(session.folder, "hostile-trust.json");
    writeFileSync(trust, JSON.stringify(sampleTrust()));
    const { page, problems } = await session.open();
    await verifyOnPage(page, folder, trust, "bundle-folder");
    const shown = (await page.locator("#result").textContent()) ?? "";
    expect(shown).toContain("<img src=x onerror=alert(1)>");
    expect(shown).toContain("\\u{202e}gnp.exe");
    expect(shown).toContain("a&amp;b");
    expect(shown).toContain("</script><script>document.title=2</script>\\u{202e}gnp\\u001b[2J");
    for (const hidden of ["\u202e", "\u001b"]) expect(shown).not.toContain(hidden);
    expect(await page.locator("#result img, #result script, #result a").count()).toBe(0);
    expect(await page.title()).toBe("invalid: WitnessOps verifier");
    const html = await saved(page, "page", session.folder);
    writeFileSync(join(session.folder, "hostile.html"), html);
    await page.goto(pathToFileURL(join(session.folder, "hostile.html")).href);
    expect(await page.title()).toBe("Verification of hostile");
    expect(await page.locator("img, script, a").count()).toBe(0);
    expect(await page.locator("main").textContent()).toContain("<img src=x onerror=alert(1)>");
    expect(problems).toEqual([]);
  }, 60_000);

  it("reads a bundle in a stream, shows how far it is, and can be stopped", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const folder = join(session.folder, "large");
    unpack(sample.files, folder);
    // Not listed, and hashed all the same: 768 MiB of zeros, without the space for them.
    writeFileSync(join(folder, "large.bin"), "");
    truncateSync(join(folder, "large.bin"), 768 * 1024 ** 2);
    const { page } = await session.open();
    await page.setInputFiles("#bundle-folder", folder);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByText(/Reading and hashing: [1-9][0-9.]* of 805\.\d MB/).waitFor({ timeout: 30_000 });
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await page.locator("#status").textContent()).toBe("Cancelled: nothing was decided.");
    expect(await page.locator("#verdict").count()).toBe(0);

    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator("#verdict").waitFor({ timeout: 90_000 });
    expect(await page.locator("#ignored").textContent()).toContain("large.bin");
    expect(await peakMegabytes(session)).toBeLessThan(600);
  }, 150_000);

  it("takes a folder, a tar and a trust file that are dropped, and stays when one falls beside", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const folder = join(session.folder, "to-drop");
    unpack(sample.files, folder);
    const trust = join(session.folder, "to-drop.json");
    writeFileSync(trust, JSON.stringify(sample.trust));
    const { page } = await session.open();
    await drop(page, "#trust-drop", trust);
    await page.locator("#trust-chosen", { hasText: "to-drop.json" }).waitFor();
    await drop(page, "#bundle-drop", join(vectors, "bundle/accept/small/bundle.tar"));
    await page.locator("#bundle-chosen", { hasText: "bundle.tar (" }).waitFor();
    await drop(page, "#bundle-drop", folder);
    await page
      .locator("#bundle-chosen", { hasText: `to-drop (folder, ${sample.files.size} files)` })
      .waitFor();
    await drop(page, "footer", trust);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator("#verdict").waitFor({ timeout: 30_000 });
    expect(await page.locator("#verdict").textContent()).toBe("✓ valid");
  }, 60_000);

  it("names what was given last, and shows names as they are", async () => {
    const folder = join(session.folder, "many-files");
    mkdirSync(folder);
    for (let n = 0; n < 4000; n++) writeFileSync(join(folder, `file-${n}`), "");
    const small = join(vectors, "bundle/accept/small/bundle.tar");
    const { page } = await session.open();
    // Its files are still being listed when the next one falls.
    await drop(page, "#bundle-drop", folder);
    await drop(page, "#bundle-drop", small);
    await page.locator("#bundle-chosen", { hasText: "bundle.tar (" }).waitFor();
    await page.waitForTimeout(5_000);
    expect(await page.locator("#bundle-chosen").textContent()).toContain("bundle.tar (");

    const hostile = join(session.folder, "a\u202eb\u3164.tar");
    writeFileSync(hostile, "x");
    await page.setInputFiles("#bundle-file", hostile);
    await page.setInputFiles("#trust-file", hostile);
    for (const id of ["#bundle-chosen", "#trust-chosen"])
      expect(await page.locator(id).textContent()).toContain("a\\u{202e}b\\u{3164}.tar");
  }, 60_000);

  it("keeps no verdict beside other files, and stays where the keyboard was", async () => {
    const { page } = await session.open();
    const own = join(session.folder, "changing.tar");
    const trust = join(vectors, "bundle/accept/small/trust.json");
    writeFileSync(own, readFileSync(join(vectors, "bundle/accept/small/bundle.tar")));
    const status = page.locator("#status");
    await verifyOnPage(page, own, trust);
    expect(await page.locator("#verdict").textContent()).toBe("✓ valid");
    await page.getByText("Certificates for one receipt").click();
    await page.setInputFiles("#certificates", trust);
    expect([await page.locator("#verdict").count(), await status.textContent()]).toEqual([0, ""]);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByRole("alert").getByText("certificates are for a single receipt").waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.id);
    expect([await focused(), await status.textContent()]).toEqual(["verify", ""]);
    await page.getByRole("button", { name: "Remove the certificates" }).click();
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator("#verdict").waitFor();
    // The same file again, which was changed meanwhile.
    writeFileSync(own, readFileSync(join(vectors, "bundle/reject/chain-broken/bundle.tar")));
    await page.setInputFiles("#bundle-file", own);
    expect(await page.locator("#verdict").count()).toBe(0);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator("#verdict").waitFor();
    expect(await page.locator("#verdict").textContent()).toBe("✕ invalid");
  }, 60_000);

  it("judges a folder with a deep file as the command line does", async () => {
    const sample = await sampleBundle({ conclusion: false });
    const folder = join(session.folder, "deep");
    unpack([...sample.files, ["a/b/c/d/e/f/g/h/i/j/k.txt", "x"] as const], folder);
    const trust = join(session.folder, "deep.json");
    writeFileSync(trust, JSON.stringify(sample.trust));
    const wanted = JSON.parse(JSON.stringify(await verifyBundle(folderBundle(folder), sample.trust)));
    const { page } = await session.open();
    await verifyOnPage(page, folder, trust, "bundle-folder");
    expect(await savedReport(page, session.folder)).toEqual(wanted);
    await page.setInputFiles("#bundle-file", join(vectors, "bundle/accept/small/bundle.tar"));
    await page.locator("#bundle-chosen", { hasText: "bundle.tar (" }).waitFor();
    await drop(page, "#bundle-drop", folder);
    await page.locator("#bundle-chosen", { hasText: "deep (folder" }).waitFor();
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator("#verdict").waitFor();
    expect(await savedReport(page, session.folder)).toEqual(wanted);
  }, 60_000);

  it("fits on paper, page and report", async () => {
    const { page } = await session.open();
    const folder = join(vectors, "bundle/accept/whole");
    await verifyOnPage(page, join(folder, "bundle.tar"), join(folder, "trust.json"));
    const report = join(session.folder, "to-print.html");
    writeFileSync(report, await saved(page, "page", session.folder));
    await page.emulateMedia({ media: "print" });
    // A4 with margins of a centimetre, at 96 dots an inch.
    await page.setViewportSize({ width: 718, height: 1000 });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await width()).toBe(718);
    expect(await page.locator("form, #downloads, footer").first().isVisible()).toBe(false);
    await page.goto(pathToFileURL(report).href);
    expect(await width()).toBe(718);
  }, 60_000);

  it("says what is missing where a browser hides cryptography from insecure addresses", async () => {
    const { page } = await session.open();
    const html = readFileSync(join(session.folder, "dist/verifier.html"), "utf8");
    await page.context().setOffline(false);
    await page.route("http://insecure.test/", (route) =>
      route.fulfill({ body: html, contentType: "text/html; charset=utf-8" }),
    );
    await page.goto("http://insecure.test/");
    await verifyOnPage(page, join(vectors, "bundle/accept/small/bundle.tar"), undefined);
    expect(await page.locator("#verdict").count()).toBe(0);
    expect(await page.getByRole("alert").textContent()).toContain("open it from disk, or over https");
  }, 60_000);

  it("works by keyboard alone, with a name for every control", async () => {
    const { page } = await session.open();
    const folder = join(vectors, "bundle/accept/small");
    await page.setInputFiles("#bundle-file", join(folder, "bundle.tar"));
    const reached: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      const id = await page.evaluate(() => document.activeElement?.id ?? "");
      reached.push(id);
      if (id === "verify") break;
    }
    expect(reached).toEqual(["bundle-file", "bundle-folder", "trust-file", "", "verify"]);
    await page.keyboard.press("Enter");
    await page.locator("#verdict").waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("verdict");
    const unnamed = await page.evaluate(() =>
      Array.from(
        document.querySelectorAll("input, button, progress"),
        (control) => control as HTMLInputElement,
      )
        .filter((control) => control.tagName !== "BUTTON" && (control.labels?.length ?? 0) === 0)
        .map(({ id }) => id),
    );
    expect(unnamed).toEqual([]);
    for (const name of ["Choose a file …", "Choose a folder …", "Choose a trust file …"])
      expect(await page.getByLabel(name).count()).toBe(1);
  }, 60_000);

  it("does the same cryptography as Node.js", async () => {
    const cases = [...ownCases(), ...(wycheproofCases() ?? [])];
    const entry = join(session.folder, "twin.ts");
    const sources = join(import.meta.dirname, "../..");
    writeFileSync(
      entry,
      `import * as crypto from ${JSON.stringify(join(sources, "src/format/crypto.browser.ts"))};
       import { differing } from ${JSON.stringify(join(sources, "test/fixtures/differing.ts"))};
       globalThis.differ = (cases) => differing(crypto, cases);`,
    );
    const { output } = await build({ input: entry, write: false, output: { format: "iife" }, cwd: sources });
    const path = join(session.folder, "twin.html");
    writeFileSync(path, `<!doctype html><script>${output[0].code}</script>`);
    const { page } = await session.open();
    await page.goto(pathToFileURL(path).href);
    const wrong = await page.evaluate(
      (all) => (globalThis as unknown as { differ(cases: unknown): Promise<string[]> }).differ(all),
      cases,
    );
    expect(wrong).toEqual([]);
  }, 60_000);
});

function unpack(files: Iterable<readonly [string, Uint8Array | string]>, folder: string): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/** Drags a file or folder of the disk over an element and lets it fall, as a person does. */
async function drop(page: Page, selector: string, path: string): Promise<void> {
  const client = await page.context().newCDPSession(page);
  await page.locator(selector).scrollIntoViewIfNeeded();
  const { x = 0, y = 0 } = (await page.locator(selector).boundingBox()) ?? {};
  const at = { x: x + 20, y: y + 20, data: { items: [], files: [path], dragOperationsMask: 1 } };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await client.send("Input.dispatchDragEvent", { type, ...at });
}

/** The most memory that any process of the browser's pages has held. */
async function peakMegabytes({ browser }: PageSession): Promise<number> {
  const client = await browser.newBrowserCDPSession();
  const { processInfo } = await client.send("SystemInfo.getProcessInfo");
  const peaks = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0);
  return Math.max(...peaks.map(Number)) / 1024;
}
