import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { ageOpener } from "../src/evidence/age.ts";
import { readSalted } from "../src/evidence/salted.ts";
import { startSealedSink } from "../src/evidence/sealed-sink.ts";
import { collectBytes } from "../src/format/byte-source.ts";
import { openArtifactFolder } from "../src/store/artifact-folder.ts";
import { IDENTITY, OTHER_IDENTITY, OTHER_RECIPIENT, RECIPIENT } from "./fixtures/age-keys.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder() {
  const root = mkdtempSync(join(tmpdir(), "witnessops-sealed-"));
  folders.push(root);
  return { root, files: openArtifactFolder(root) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function sealed(bytes: Uint8Array, cuts: readonly number[] = []) {
  const { files } = folder();
  const sink = startSealedSink(files, [RECIPIENT, OTHER_RECIPIENT]);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  places.sort((a, b) => a - b);
  for (const [i, end] of places.slice(1).entries()) {
    const piece = Uint8Array.from(bytes.subarray(places[i], end));
    await sink.write(piece);
    // The caller's buffer may be used again once the write resolved.
    piece.fill(0);
  }
  const stored = await sink.keep();
  const ciphertext = stored.inline ?? (await collectBytes(files.read(stored.digest), 1 << 24));
  return { stored, ciphertext };
}

describe("sealed sink", () => {
  it("gives back what was written, however it was cut, to each recipient and to nobody else", async () => {
    const identities = await Promise.all([IDENTITY, OTHER_IDENTITY].map(ageOpener));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.nat(300), fc.constantFrom(65_504, 65_505, 65_536, 131_040, 200_000)),
        fc.array(fc.nat(), { maxLength: 5 }),
        async (size, cuts) => {
          const bytes = randomBytes(size);
          const { stored, ciphertext } = await sealed(bytes, cuts);
          expect(stored.size).toBe(ciphertext.length);
          for (const open of identities) {
            const salted = readSalted((await open(once(ciphertext))) as AsyncIterable<Uint8Array>);
            expect(Buffer.from(await collectBytes(salted.bytes, 1 << 20)).equals(bytes)).toBe(true);
            expect(salted.commitment()).toBe(stored.sealed?.commitment);
          }
        },
      ),
      { numRuns: 25 },
    );
    const stranger = await ageOpener(
      "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    );
    expect(await stranger(once((await sealed(randomBytes(10))).ciphertext))).toBeUndefined();
  });

  it("never seals the same bytes the same way, so that digests do not tell that they are the same", async () => {
    const bytes = Buffer.from("yes");
    const [a, b] = [await sealed(bytes), await sealed(bytes)];
    expect(a.stored.digest).not.toBe(b.stored.digest);
    expect(a.stored.sealed?.commitment).not.toBe(b.stored.sealed?.commitment);
    expect(a.stored.sealed?.commitment).not.toContain(createHash("sha256").update(bytes).digest("hex"));
  });

  it("finds every changed byte", async () => {
    const open = await ageOpener(IDENTITY);
    const { ciphertext } = await sealed(Buffer.from("a secret"));
    for (let at = 0; at < ciphertext.length; at++) {
      const changed = Uint8Array.from(ciphertext);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const read = async () => {
        const plaintext = await open(once(changed));
        return plaintext === undefined ? "closed" : collectBytes(plaintext, 1 << 16);
      };
      const found = await read().catch((error: { code?: unknown }) => error.code);
      expect(["closed", "SEALED_DAMAGED"]).toContain(found);
    }
    const cut = open(once(ciphertext.subarray(0, ciphertext.length - 1)));
    await expect(
      cut.then((plaintext) => collectBytes(plaintext ?? once(new Uint8Array()), 1 << 16)),
    ).rejects.toMatchObject({
      code: "SEALED_DAMAGED",
    });
  });

  it("leaves nothing behind when it is dropped, and passes a fault of the storage on", async () => {
    const { root, files } = folder();
    const sink = startSealedSink(files, [RECIPIENT]);
    await sink.write(randomBytes(300_000));
    await sink.drop();
    expect(readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())).toEqual(
      [],
    );
    const full = new Error("the disk is full");
    const broken = startSealedSink({ ...files, begin: () => Promise.reject(full) }, [RECIPIENT]);
    await expect(
      (async () => {
        for (let round = 0; round < 50; round++) await broken.write(randomBytes(65_536));
        await broken.keep();
      })(),
    ).rejects.toBe(full);
    await broken.drop();
  });

  it.each([
    "",
    "# only a comment",
    "AGE-SECRET-KEY-1NOTAKEY",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    RECIPIENT,
  ])("refuses `%s` as an identity file", async (text) => {
    await expect(ageOpener(text)).rejects.toMatchObject({ code: "IDENTITY_MALFORMED" });
  });
});
