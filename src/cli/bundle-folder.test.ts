import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SampleBundle, sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { collectBytes } from "../format/byte-source.ts";
import { writeTar } from "../format/tar.ts";
import { memoryBundle, tarBundle, verifyBundle } from "../verifier/index.ts";
import { fileSource, folderBundle, isInside } from "./bundle-folder.ts";

let sample: SampleBundle;
let folder: string;

beforeAll(async () => {
  sample = await sampleBundle({ conclusion: false });
  folder = mkdtempSync(join(tmpdir(), "witnessops-folder-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function unpack(name: string): string {
  const root = join(folder, name);
  for (const [path, bytes] of sample.files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  return root;
}

describe("folderBundle", () => {
  it("verifies like the same files in memory", async () => {
    const report = await verifyBundle(folderBundle(unpack("whole")), sample.trust);
    expect([report.verdict, report.reasons]).toEqual(["valid", []]);
  });

  it("judges a folder as its tar: a file that is not listed is ignored, however deep it lies", async () => {
    const root = unpack("deep");
    const path = `${"d/".repeat(127)}x`;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "x");
    const files = new Map([...sample.files, [path, new TextEncoder().encode("x")]]);
    const report = await verifyBundle(folderBundle(root), sample.trust);
    expect(report).toEqual(await verifyBundle(memoryBundle(files), sample.trust));
    expect([report.verdict, report.ignoredFiles]).toEqual(["valid", [path]]);
    mkdirSync(join(root, "e/".repeat(130)), { recursive: true });
    writeFileSync(join(root, "e/".repeat(130), "x"), "x");
    expect((await verifyBundle(folderBundle(root), sample.trust)).verdict).toBe("invalid");
  });

  it("refuses links, to files and to folders", async () => {
    for (const target of ["MANIFEST.json", "artifacts"]) {
      const root = unpack(`link-${target}`);
      symlinkSync(join(root, target), join(root, "linked"));
      const report = await verifyBundle(folderBundle(root), sample.trust);
      expect([report.verdict, report.reasons[0]]).toEqual([
        "invalid",
        expect.stringContaining("not a regular file"),
      ]);
    }
  });
});

describe("fileSource", () => {
  it("reads a tar in place", async () => {
    const path = join(folder, "bundle.tar");
    const files = [...sample.files].map(([name, bytes]) => ({
      path: name,
      size: bytes.length,
      read: () =>
        (async function* () {
          yield bytes;
        })(),
    }));
    writeFileSync(path, await collectBytes(writeTar(files), 1 << 24));
    const source = fileSource(path);
    expect((await verifyBundle(tarBundle(source), sample.trust)).verdict).toBe("valid");
    source.close();
  });
});

describe("isInside", () => {
  it("tells what lies in a folder", () => {
    expect(isInside("/a/b", "/a/b/trust.json")).toBe(true);
    expect(isInside("/a/b", "/a/b/../c/trust.json")).toBe(false);
    expect(isInside("/a/b", "/a/bc")).toBe(false);
  });
});
