import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { artifactSchema } from "../src/contract/artifact.ts";
import type { ArtifactRule } from "../src/contract/contract.ts";
import type { ArtifactFiles } from "../src/evidence/artifact-store.ts";
import { type AttemptCapture, type CapturedArtifact, openCapture } from "../src/evidence/capture.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { type Digest, digestOf } from "../src/format/digest.ts";
import { openArtifactFolder } from "../src/store/artifact-folder.ts";

const secret = "s3cret/value+here";
const rules: ArtifactRule[] = [
  { name: "body", mediaType: "text/html", required: true, sensitivity: "confidential" },
  { name: "head", mediaType: "application/json", required: false, sensitivity: "public", maxBytes: "1kB" },
];

let root: string;
let files: ArtifactFiles;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-capture-"));
  files = openArtifactFolder(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const unfinished = (): string[] => readdirSync(join(root, "tmp"));

let now = Date.parse("2026-01-01T00:00:00Z");
function capturing(
  options: { maxBytes?: number; secrets?: string[]; files?: ArtifactFiles } = {},
): AttemptCapture {
  return openCapture({
    rules,
    maxBytes: 1e9,
    idPrefix: "run1/step/1",
    secrets: [],
    files,
    clock: () => now,
    ...options,
  });
}

async function bytesOf({ artifact, inline }: CapturedArtifact): Promise<Buffer> {
  if (inline !== undefined) return Buffer.from(inline);
  const chunks: Uint8Array[] = [];
  for await (const chunk of files.read(artifact.digest as Digest)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function captureBody(
  bytes: Uint8Array,
  {
    cuts = [],
    contentEncoding,
    secrets = [],
  }: { cuts?: number[]; contentEncoding?: string; secrets?: string[] },
): Promise<{ captured: CapturedArtifact; stored: Buffer }> {
  const capture = capturing({ secrets });
  const origin = { source: "body", ...(contentEncoding === undefined ? {} : { contentEncoding }) };
  const body = capture.open("body", origin);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (const [i, end] of places.slice(1).entries()) await body.write(bytes.slice(places[i], end));
  await body.end();
  const [captured] = await capture.finish();
  if (captured === undefined) throw new Error("nothing was captured");
  return { captured, stored: await bytesOf(captured) };
}

describe("capture", () => {
  it("describes an artifact as its schema and the contract say", async () => {
    const capture = capturing();
    const head = capture.open("head", { source: "response head" });
    await head.write(Buffer.from("{}"));
    now += 1000;
    await head.end();
    const endedAt = new Date(now).toISOString();
    now += 1000;
    const body = capture.open("body", { source: "body", mediaType: "text/plain", derivedFrom: "head" });
    await body.end();
    expect(capture.finished).toEqual(["head", "body"]);
    const captured = await capture.finish();
    expect(captured.map(({ artifact }) => artifact)).toEqual([
      {
        id: "run1/step/1/head",
        name: "head",
        digest: digestOf("{}"),
        size: 2,
        mediaType: "application/json",
        sensitivity: "public",
        capturedAt: endedAt,
        source: "response head",
        exact: true,
        masked: 0,
      },
      {
        id: "run1/step/1/body",
        name: "body",
        digest: digestOf(""),
        size: 0,
        mediaType: "text/plain",
        sensitivity: "confidential",
        capturedAt: new Date(now).toISOString(),
        source: "body",
        derivedFrom: "run1/step/1/head",
        exact: true,
        masked: 0,
      },
    ]);
    for (const { artifact } of captured) expect(Value.Check(artifactSchema, artifact)).toBe(true);
  });

  it("stores the same for any cut, and a digest of exactly what it stores", async () => {
    const text = Buffer.from(`<${secret}> and ${encodeURIComponent(secret)} `.repeat(3000));
    const whole = await captureBody(text, { secrets: [secret] });
    expect(whole.captured.artifact).toMatchObject({ masked: 6000, exact: false });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.nat({ max: 120_000 }),
        async (cuts, length) => {
          const exact = await captureBody(text.subarray(0, length), { cuts });
          expect(exact.stored.equals(text.subarray(0, length))).toBe(true);
          expect(exact.captured.artifact).toMatchObject({
            digest: digestOf(exact.stored),
            size: length,
            exact: true,
          });
          expect(exact.captured.inline === undefined).toBe(length > 64 * 1024);

          const masked = await captureBody(text, { cuts, secrets: [secret] });
          expect(masked.captured.artifact.digest).toBe(whole.captured.artifact.digest);
          expect(masked.captured.artifact.digest).toBe(digestOf(masked.stored));
          expect(masked.stored.includes(secret)).toBe(false);
        },
      ),
      { numRuns: 25 },
    );
    expect(unfinished()).toEqual([]);
  });

  it("takes writes in order when the adapter does not wait and reuses its buffer afterwards", async () => {
    const capture = capturing();
    const body = capture.open("body", { source: "body" });
    const parts = Array.from({ length: 300 }, () =>
      randomBytes(1 + Math.floor(Math.random() * 400_000 * Math.random() ** 4)),
    );
    const expected = Buffer.concat(parts);
    const buffer = Buffer.alloc(400_000);
    for (const [i, part] of parts.entries()) {
      if (i % 3 === 0) {
        await body.write(buffer.subarray(0, part.copy(buffer)));
        buffer.fill(0);
      } else void body.write(part);
    }
    await body.end();
    const [captured] = await capture.finish();
    expect(captured?.artifact.digest).toBe(digestOf(expected));
  });

  it("keeps the bytes in order on a disk that is slower than the stream", async () => {
    let writing = 0;
    const slow: ArtifactFiles = {
      ...files,
      async begin() {
        const file = await files.begin();
        return {
          ...file,
          async write(bytes) {
            expect(++writing).toBe(1);
            await new Promise((resolve) => setTimeout(resolve, 5));
            await file.write(bytes);
            writing--;
          },
        };
      },
    };
    const bytes = randomBytes(6_000_000);
    const capture = capturing({ files: slow });
    const body = capture.open("body", { source: "body" });
    for (let at = 0; at < bytes.length; at += 60_000) await body.write(bytes.subarray(at, at + 60_000));
    await body.end();
    const [captured] = await capture.finish();
    expect(captured && (await bytesOf(captured)).equals(bytes)).toBe(true);
  });

  describe("with bounds", () => {
    it("keeps what came up to the contract's bound and says that it is cut short", async () => {
      for (const size of [500, 200_000]) {
        const capture = capturing({ maxBytes: size });
        const body = capture.open("body", { source: "body" });
        await body.write(Buffer.alloc(size - 10, "a"));
        await expect(body.write(Buffer.alloc(11, "b"))).rejects.toMatchObject({ code: "SIZE_EXCEEDED" });
        await expect(body.write(Buffer.alloc(1))).rejects.toMatchObject({ code: "SIZE_EXCEEDED" });
        await body.end();
        const [captured] = await capture.finish();
        if (captured === undefined) throw new Error("nothing was captured");
        expect(captured.artifact).toMatchObject({ size, truncated: true, exact: false, masked: 0 });
        const stored = await bytesOf(captured);
        expect(stored.toString().endsWith(`a${"b".repeat(10)}`)).toBe(true);
        expect(digestOf(stored)).toBe(captured.artifact.digest);
      }
    });

    it("keeps exactly as much as the bound allows without complaint", async () => {
      const capture = capturing();
      const head = capture.open("head", { source: "head" });
      await head.write(Buffer.alloc(1000));
      await head.end();
      expect((await capture.finish())[0]?.artifact).toMatchObject({ size: 1000, exact: true });
    });

    it("counts an artifact's own bound and what all have together", async () => {
      const capture = capturing({ maxBytes: 1500 });
      const head = capture.open("head", { source: "head" });
      const body = capture.open("body", { source: "body" });
      await expect(head.write(Buffer.alloc(1001))).rejects.toMatchObject({ code: "SIZE_EXCEEDED" });
      await expect(body.write(Buffer.alloc(501))).rejects.toMatchObject({ code: "SIZE_EXCEEDED" });
      // The result is always recorded: it says what happened.
      await capture.putResult({ text: "x".repeat(2000) });
      expect((await capture.finish()).map(({ artifact }) => artifact.size)).toEqual([1000, 500, 2011]);
    });

    it("bounds what a small body decodes to", async () => {
      const bomb = gzipSync(Buffer.alloc(50_000_000));
      const capture = openCapture({
        rules: [{ ...(rules[0] as ArtifactRule), maxBytes: "1MB" }],
        maxBytes: 1e9,
        idPrefix: "run1/step/1",
        secrets: [secret],
        files,
        clock: () => now,
      });
      const body = capture.open("body", { source: "body", contentEncoding: "gzip" });
      const refused = await body.write(bomb).then(
        () => body.end(),
        (error: unknown) => error,
      );
      const [captured] = await capture.finish();
      expect(captured?.artifact).toMatchObject({ size: 1_000_000, truncated: true, exact: false });
      if (refused !== undefined) expect(refused).toMatchObject({ code: "SIZE_EXCEEDED" });
      expect(unfinished()).toEqual([]);
    });
  });

  describe("with secrets", () => {
    const page = Buffer.from(`<html>${"filler ".repeat(2000)}${secret} end`);
    const encodings: [string, Buffer][] = [
      ["gzip", gzipSync(page)],
      ["X-GZIP", gzipSync(page)],
      ["deflate", deflateSync(page)],
      ["deflate", deflateRawSync(page)],
      ["br", brotliCompressSync(page)],
      ["zstd", zstdCompressSync(page)],
      ["gzip, br", brotliCompressSync(gzipSync(page))],
      ["deflate, identity, gzip", gzipSync(deflateSync(page))],
    ];

    it.each(encodings)(
      "replaces a %s body that holds one by its decoded and masked form",
      async (contentEncoding, wire) => {
        for (const cuts of [[], [1, 2, 3, wire.length - 1]]) {
          const { captured, stored } = await captureBody(wire, { contentEncoding, secrets: [secret], cuts });
          expect(stored.toString()).toBe(page.toString().replace(secret, "[masked]"));
          expect(captured.artifact).toMatchObject({ exact: false, masked: 1, digest: digestOf(stored) });
        }
      },
    );

    it.each(encodings)("keeps a %s body that holds none as it came", async (contentEncoding, wire) => {
      const { captured, stored } = await captureBody(wire, { contentEncoding, secrets: ["another secret"] });
      expect(stored.equals(wire)).toBe(true);
      expect(captured.artifact).toMatchObject({ exact: true, masked: 0 });
    });

    it("masks a body that ends early or breaks, as far as it decodes", async () => {
      const wire = gzipSync(Buffer.concat([page, randomBytes(100_000)]));
      const short = await captureBody(wire.subarray(0, wire.length - 60_000), {
        contentEncoding: "gzip",
        secrets: [secret],
      });
      expect(short.stored.toString("latin1")).toContain("[masked] end");
      const broken = Buffer.from(wire);
      broken.fill(0xff, wire.length - 50_000);
      const masked = await captureBody(broken, { contentEncoding: "gzip", secrets: [secret] });
      expect(masked.stored.toString("latin1")).toContain("[masked] end");
    });

    it("keeps a body that is not what its coding says, masked as it came", async () => {
      const { captured, stored } = await captureBody(Buffer.from(`no gzip: ${secret}`), {
        contentEncoding: "gzip",
        secrets: [secret],
      });
      expect(stored.toString()).toBe("no gzip: [masked]");
      expect(captured.artifact).toMatchObject({ exact: false, masked: 1 });
    });

    it("keeps them out of metadata and texts", async () => {
      const capture = capturing({ secrets: [secret] });
      const url = `https://example.com/?key=${encodeURIComponent(secret)}`;
      await capture.open("body", { source: url, derivedFrom: url, mediaType: `text/x; key=${secret}` }).end();
      const [captured] = await capture.finish();
      expect(JSON.stringify(captured?.artifact)).not.toMatch(/s3cret/);
      expect(captured?.artifact.source).toBe("https://example.com/?key=[masked]");
      expect(capture.maskText(`failed with ${secret}`)).toBe("failed with [masked]");
    });

    it("refuses short ones", () => {
      expect(() => capturing({ secrets: ["short"] })).toThrow(
        expect.objectContaining({ code: "SECRET_TOO_SHORT" }),
      );
    });
  });

  describe("of the result", () => {
    it("stores canonical JSON and hands back what it stored", async () => {
      const capture = capturing({ secrets: [secret] });
      const value = await capture.putResult({ b: [1, `the ${secret}`], a: null });
      expect(value).toEqual({ a: null, b: [1, "the [masked]"] });
      expect(Object.isFrozen(value)).toBe(true);
      const [captured] = await capture.finish();
      expect(captured?.inline && Buffer.from(captured.inline).toString()).toBe(
        '{"a":null,"b":[1,"the [masked]"]}',
      );
      expect(captured?.artifact).toMatchObject({
        id: "run1/step/1/result",
        digest: digestOf(canonicalBytes(value)),
        mediaType: "application/vnd.witnessops.result.v1+json",
        sensitivity: "confidential",
        exact: false,
        masked: 1,
      });
      expect(Value.Check(artifactSchema, captured?.artifact)).toBe(true);
    });

    it("is written once, and never by an adapter", async () => {
      const capture = capturing();
      await capture.putResult({});
      await expect(capture.putResult({})).rejects.toMatchObject({ code: "ARTIFACT_TWICE" });
      expect(capture.wants("result")).toBe(false);
      expect(() => capturing().open("result", { source: "x" })).toThrow(
        expect.objectContaining({ code: "ARTIFACT_UNDECLARED" }),
      );
    });

    it("is refused when no verifier would read it", async () => {
      const capture = capturing();
      await expect(capture.putResult({ a: "x".repeat(16 * 1024 ** 2) })).rejects.toMatchObject({
        code: "RESULT_TOO_LARGE",
      });
      await capture.putResult({ a: "x".repeat(16 * 1024 ** 2 - 40) });
    });

    it("is refused rather than broken when its own structure is the secret", async () => {
      const capture = capturing({ secrets: ['"a":"b","c"'] });
      await expect(capture.putResult({ a: "b", c: 1 })).rejects.toMatchObject({ code: "RESULT_UNMASKABLE" });
    });
  });

  describe("when things end badly", () => {
    it("refuses names that are not declared or come twice", async () => {
      const capture = capturing();
      expect(capture.wants("body")).toBe(true);
      expect(capture.wants("other")).toBe(false);
      expect(() => capture.open("other", { source: "x" })).toThrow(
        expect.objectContaining({ code: "ARTIFACT_UNDECLARED" }),
      );
      capture.open("body", { source: "x" });
      expect(() => capture.open("body", { source: "x" })).toThrow(
        expect.objectContaining({ code: "ARTIFACT_TWICE" }),
      );
      await capture.abort();
    });

    it("keeps what an attempt left open as cut short", async () => {
      const capture = capturing();
      const body = capture.open("body", { source: "body" });
      void body.write(Buffer.alloc(100_000, "x"));
      const [captured] = await capture.finish();
      expect(captured?.artifact).toMatchObject({ size: 100_000, truncated: true, exact: false });
      expect(capture.finished).toEqual([]);
      await expect(body.write(Buffer.alloc(1))).rejects.toMatchObject({ code: "CAPTURE_CLOSED" });
      await body.end();
      expect(capture.finished).toEqual([]);
      expect(() => capture.open("head", { source: "x" })).toThrow(
        expect.objectContaining({ code: "CAPTURE_CLOSED" }),
      );
      expect(unfinished()).toEqual([]);
    });

    it("leaves nothing of an aborted attempt", async () => {
      const before = readdirSync(join(root, "sha256")).length;
      const capture = capturing({ secrets: [secret] });
      const body = capture.open("body", { source: "body", contentEncoding: "gzip" });
      await body.write(gzipSync(randomBytes(200_000)));
      expect(unfinished()).toHaveLength(2);
      await capture.abort();
      expect(unfinished()).toEqual([]);
      expect(readdirSync(join(root, "sha256"))).toHaveLength(before);
      await expect(body.end()).rejects.toMatchObject({ code: "CAPTURE_CLOSED" });
    });

    it("passes a fault of the storage to the adapter and to whoever finishes", async () => {
      // Writing to a handle that was closed under it is a real fault of the file.
      const faulty: ArtifactFiles = {
        ...files,
        async begin() {
          const file = await files.begin();
          await file.drop();
          return file;
        },
      };
      const capture = capturing({ files: faulty });
      const body = capture.open("body", { source: "body" });
      await expect(body.write(Buffer.alloc(3_000_000))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await expect(body.write(Buffer.alloc(1))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await expect(body.end()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      await expect(capture.finish()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    });
  });
});
