import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ArtifactFiles } from "../evidence/artifact-store.ts";
import { type Digest, digestOf, hexOf } from "../format/digest.ts";
import { openArtifactFolder } from "./artifact-folder.ts";

describe("the artifact folder", () => {
  let root: string;
  let files: ArtifactFiles;
  beforeEach(() => {
    root = join(mkdtempSync(join(tmpdir(), "witnessops-artifacts-")), "artifacts");
    files = openArtifactFolder(root);
  });
  afterEach(() => rmSync(join(root, ".."), { recursive: true, force: true }));

  const pathOf = (digest: Digest): string => join(root, "sha256", hexOf(digest).slice(0, 2), hexOf(digest));
  const unfinished = (): string[] => readdirSync(join(root, "tmp"));

  async function keep(bytes: Uint8Array): Promise<Digest> {
    const file = await files.begin();
    await file.write(bytes.subarray(0, 1000));
    await file.write(bytes.subarray(1000));
    await file.keep(digestOf(bytes));
    return digestOf(bytes);
  }

  async function read(digest: Digest): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of files.read(digest)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  it("keeps bytes under their digest, for the owner only", async () => {
    const bytes = randomBytes(3_000_000);
    const digest = await keep(bytes);
    expect((await read(digest)).equals(bytes)).toBe(true);
    expect(await files.has(digest)).toBe(true);
    expect(unfinished()).toEqual([]);
    if (process.platform !== "win32") {
      expect(statSync(pathOf(digest)).mode & 0o777).toBe(0o600);
      expect(statSync(join(root, "sha256")).mode & 0o777).toBe(0o700);
    }
  });

  it("shows nothing before it is whole", async () => {
    const bytes = randomBytes(10);
    const file = await files.begin();
    await file.write(bytes);
    expect(await files.has(digestOf(bytes))).toBe(false);
    expect(existsSync(join(root, "sha256"))).toBe(false);
    await file.drop();
    await file.drop();
    expect(unfinished()).toEqual([]);
  });

  it("keeps the same content once", async () => {
    const bytes = randomBytes(5000);
    const digest = await keep(bytes);
    const { ino } = statSync(pathOf(digest));
    await Promise.all([keep(bytes), keep(bytes)]);
    expect(statSync(pathOf(digest)).ino).toBe(ino);
    expect(readdirSync(join(pathOf(digest), ".."))).toEqual([hexOf(digest)]);
    expect(unfinished()).toEqual([]);
  });

  it("sweeps what dead processes left, and nothing else", async () => {
    const file = await files.begin();
    const [ours = ""] = unfinished();
    const [, started = "", ...rest] = ours.split(".");
    const left = [
      ["2147483646", started, ...rest].join("."),
      [process.pid, `${started}0`, ...rest].join("."),
    ];
    for (const name of left) writeFileSync(join(root, "tmp", name), "left");
    writeFileSync(join(root, "tmp", "not ours"), "");
    // Where a host does not tell when a process started, the second looks alive.
    expect(await files.sweep()).toBe(started === "" ? 1 : 2);
    expect(unfinished()).toContain(ours);
    expect(unfinished()).toContain("not ours");
    await file.drop();
  });

  it("says when an artifact is missing or changed", async () => {
    const digest = await keep(randomBytes(100));
    writeFileSync(pathOf(digest), "changed");
    await expect(read(digest)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    rmSync(pathOf(digest));
    await expect(read(digest)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect(await files.has(digest)).toBe(false);
  });
});
