import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesInMemory, collectBytes } from "./byte-source.ts";
import { FormatError } from "./coded-error.ts";
import { listTar, writeTar } from "./tar.ts";

const encoder = new TextEncoder();

async function tarOf(files: Record<string, Uint8Array | string>): Promise<Uint8Array> {
  const entries = Object.entries(files).map(([path, content]) => {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    return { path, size: bytes.length, read: () => bytesInMemory(bytes).read(0, bytes.length) };
  });
  return collectBytes(writeTar(entries), 1 << 24);
}

/** Sets bytes of the first header and mends its checksum. */
function withHeader(tar: Uint8Array, offset: number, text: string): Uint8Array {
  const out = tar.slice();
  out.set(encoder.encode(text), offset);
  out.set(encoder.encode("        "), 148);
  const sum = out.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  out.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return out;
}

const refused = (bytes: Uint8Array) =>
  expect(listTar(bytesInMemory(bytes))).rejects.toMatchObject({ code: "TAR_MALFORMED" });

describe("writeTar", () => {
  it("sorts, and gives the same bytes for the same files", async () => {
    const one = await tarOf({ "b/x": "2", a: "1" });
    expect(one).toEqual(await tarOf({ a: "1", "b/x": "2" }));
    expect((await listTar(bytesInMemory(one))).map(({ path }) => path)).toEqual(["a", "b/x"]);
  });

  it("is read by another tar", async () => {
    const long = `${"d".repeat(90)}/${"f".repeat(80)}`;
    const tar = await tarOf({ [long]: "x".repeat(513), "a.txt": "" });
    const listing = execFileSync("tar", ["tvf", "-"], { input: tar, encoding: "utf8", env: { TZ: "UTC" } });
    expect(listing).toContain(long);
    expect(listing).toMatch(/-rw-r--r-- 0\/0\s+0 1970-01-01 00:00 a\.txt/);
  });

  it.each(["../x", "/x", "a//b", "a/./b", "", "a\\b", "ä", ".hidden", `${"n".repeat(101)}`])(
    "refuses the path %j",
    async (path) => {
      await expect(tarOf({ [path]: "" })).rejects.toMatchObject({ code: "TAR_MALFORMED" });
    },
  );

  it("refuses a file that is shorter than it said, and a path twice", async () => {
    const file = { path: "a", size: 2, read: () => bytesInMemory(encoder.encode("1")).read(0, 1) };
    await expect(collectBytes(writeTar([file]), 1e6)).rejects.toThrow("1 bytes and not 2");
    const whole = { ...file, size: 1 };
    await expect(collectBytes(writeTar([whole, whole]), 1e6)).rejects.toThrow("stands twice");
  });
});

describe("listTar", () => {
  it("refuses what is cut, appended or out of order", async () => {
    const tar = await tarOf({ a: "1", b: "2" });
    await refused(tar.subarray(0, 700));
    await refused(tar.subarray(0, tar.length - 512));
    await refused(new Uint8Array(0));
    await refused(new Uint8Array([...tar, ...new Uint8Array(512)]));
    const swapped = new Uint8Array([
      ...tar.subarray(1024, 2048),
      ...tar.subarray(0, 1024),
      ...tar.subarray(2048),
    ]);
    await refused(swapped);
    await refused(new Uint8Array([...tar.subarray(0, 1024), ...tar]));
  });

  it("refuses links, devices, folders, other paths and padding that carries bytes", async () => {
    const tar = await tarOf({ "aa/bb": "1" });
    for (const type of ["1", "2", "3", "5", "x", "g", "\0"]) await refused(withHeader(tar, 156, type));
    await refused(withHeader(tar, 0, "../bb"));
    await refused(withHeader(tar, 0, "/a/bb"));
    await refused(withHeader(tar, 100, "0000755"));
    await refused(withHeader(tar, 136, "00000000001"));
    const dirty = tar.slice();
    dirty[600] = 1;
    await refused(dirty);
    const sum = tar.slice();
    sum[148] = 0x37;
    await refused(sum);
  });

  it("refuses names that differ in case alone, and too many files", async () => {
    await refused(await tarOf({ A: "1", a: "2" }));
    const tar = await tarOf({ a: "1", b: "2" });
    await expect(listTar(bytesInMemory(tar), { maxFiles: 1 })).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it("reads back whatever was written", async () => {
    const segment = fc.stringMatching(/^[a-z0-9@_-][a-z0-9@._-]{0,20}$/);
    const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(path, fc.uint8Array({ maxLength: 1500 })), async (files) => {
        const source = bytesInMemory(await tarOf(files));
        const entries = await listTar(source);
        expect(entries.map((entry) => entry.path)).toEqual(Object.keys(files).sort());
        for (const entry of entries) {
          const bytes = await collectBytes(source.read(entry.offset, entry.offset + entry.size), 1e6);
          expect(bytes).toEqual(Uint8Array.from(files[entry.path] ?? []));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("never crashes on changed bytes: refused, or the file's own content changed", async () => {
    const tar = await tarOf({ a: "12345", "b/c": "x".repeat(600) });
    const clean = await listTar(bytesInMemory(tar));
    await fc.assert(
      fc.asyncProperty(fc.nat(tar.length - 1), fc.integer({ min: 1, max: 255 }), async (at, xor) => {
        const changed = tar.slice();
        changed[at] = (changed[at] ?? 0) ^ xor;
        const inside = clean.some(({ offset, size }) => at >= offset && at < offset + size);
        const outcome = await listTar(bytesInMemory(changed)).catch((error: unknown) => error);
        if (inside) expect(outcome).toEqual(clean);
        else expect(outcome).toBeInstanceOf(FormatError);
      }),
      { numRuns: 500 },
    );
  });
});
