import { createPublicKey, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyFromName } from "../../test/fixtures/sample-bundle.ts";
import { addCheckpointBytes, parseAddCheckpoint } from "./add-checkpoint.ts";
import { checkpointText } from "./checkpoint.ts";
import { cosignatureTime, cosignText, MAX_COSIGNATURE_TIME } from "./cosignature.ts";
import { EMPTY_ROOT } from "./merkle.ts";
import { noteKeyOf, noteKeyTypes, parseSignedNote, signatureLine, signedNoteBytes } from "./signed-note.ts";

const signer = keyFromName("witness");
const key = noteKeyOf("witness.example/one", signer.publicKey, noteKeyTypes.cosignature);
const text = checkpointText({ origin: "log.example/one", size: 7, root: EMPTY_ROOT });
const times = fc.integer({ min: 0, max: MAX_COSIGNATURE_TIME });

describe("a cosignature", () => {
  it("gives its time back, whenever it was made", () =>
    fc.assert(
      fc.asyncProperty(times, async (time) => {
        expect(await cosignatureTime(text, key, await cosignText(signer, key, text, time))).toBe(time);
      }),
      { numRuns: 50 },
    ));

  it("holds for no other byte of it and of the text", () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(71),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(text.length - 1),
        async (at, by, where) => {
          const signed = await cosignText(signer, key, text, 1_700_000_000);
          const bytes = signed.bytes.slice();
          bytes[at] = (bytes[at] ?? 0) ^ by;
          expect(await cosignatureTime(text, key, { ...signed, bytes })).toBeUndefined();
          const other = `${text.slice(0, where)}~${text.slice(where + 1)}`;
          expect(await cosignatureTime(other, key, signed)).toBeUndefined();
        },
      ),
      { numRuns: 100 },
    ));

  it("is of exactly one name, key and type", async () => {
    const signed = await cosignText(signer, key, text, 1_700_000_000);
    const plain = noteKeyOf(key.name, signer.publicKey, noteKeyTypes.ed25519);
    const named = noteKeyOf("witness.example/two", signer.publicKey, noteKeyTypes.cosignature);
    const other = noteKeyOf(key.name, keyFromName("another").publicKey, noteKeyTypes.cosignature);
    for (const wrong of [plain, named, other]) {
      expect(await cosignatureTime(text, wrong, signed)).toBeUndefined();
      expect(await cosignatureTime(text, wrong, { ...signed, name: wrong.name, id: wrong.id })).toEqual(
        // The message has no name in it: a key under two names signs for both, which trust files refuse.
        wrong === named ? 1_700_000_000 : undefined,
      );
    }
    await expect(cosignText(signer, plain, text, 1)).rejects.toMatchObject({ code: "KEY_UNSUPPORTED" });
    await expect(cosignText(signer, other, text, 1)).rejects.toMatchObject({ code: "KEY_UNSUPPORTED" });
  });

  it.each([
    ["too short", (bytes: Uint8Array) => bytes.subarray(1)],
    ["too long", (bytes: Uint8Array) => Uint8Array.of(...bytes, 0)],
    ["of the year 10000", (bytes: Uint8Array) => Uint8Array.of(0x7f, ...bytes.subarray(1))],
  ])("is none when %s", async (_, change) => {
    const signed = await cosignText(signer, key, text, 1_700_000_000);
    expect(await cosignatureTime(text, key, { ...signed, bytes: change(signed.bytes) })).toBeUndefined();
  });

  it("is what others make of its line", async () => {
    const line = signatureLine(await cosignText(signer, key, text, 1_679_315_147));
    // By the words of C2SP tlog-cosignature and nothing of ours.
    const [, , base64 = ""] = line.trimEnd().split(" ");
    const blob = Buffer.from(base64, "base64");
    const time = blob.readBigUInt64BE(4);
    expect(time).toBe(1_679_315_147n);
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
    const spki = createPublicKey({ key: Buffer.from(signer.publicKey.spki), format: "der", type: "spki" });
    expect(verify(null, message, spki, blob.subarray(12))).toBe(true);
  });

  it("reads the example of the specification", async () => {
    // C2SP tlog-cosignature gives a note, not its keys: the time is in the line, and an unknown key's line is none.
    const note = parseSignedNote(
      new TextEncoder().encode(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" +
          "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" +
          "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n",
      ),
    );
    const [, cosigned] = note.signatures;
    expect(cosigned?.bytes).toHaveLength(72);
    expect(Buffer.from(cosigned?.bytes ?? []).readBigUInt64BE(0)).toBe(1_679_315_147n);
    expect(await cosignatureTime(note.text, key, cosigned as never)).toBeUndefined();
  });
});

describe("a request to a witness", () => {
  const note = signedNoteBytes({
    text,
    signatures: [{ name: "log.example/one", id: "00000000", bytes: new Uint8Array(64) }],
  });
  const hashes = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 });

  it("comes back from its bytes", () =>
    fc.assert(
      fc.property(fc.maxSafeNat(), hashes, (oldSize, proof) => {
        const read = parseAddCheckpoint(addCheckpointBytes(oldSize, proof, note));
        expect([read.oldSize, read.proof.map((hash) => [...hash])]).toEqual([
          oldSize,
          proof.map((hash) => [...hash]),
        ]);
        expect(signedNoteBytes(read.note)).toEqual(note);
      }),
    ));

  it("is read or refused, whatever the bytes", () =>
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 300 })), (any) => {
        const bytes = typeof any === "string" ? new TextEncoder().encode(`old 1\n${any}`) : any;
        try {
          parseAddCheckpoint(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(REQUEST|NOTE)_MALFORMED$/) });
        }
      }),
    ));

  const body = (head: string) => new TextEncoder().encode(head + new TextDecoder().decode(note));
  const hash = `${"A".repeat(43)}=\n`;
  it.each([
    ["a leading zero", "old 07\n\n"],
    ["a sign", "old +7\n\n"],
    ["no size", "old \n\n"],
    ["too large a size", "old 9007199254740992\n\n"],
    ["no empty line", "old 7\n"],
    ["nothing before the empty line", "\n"],
    ["a short hash", "old 7\nAAAA\n\n"],
    ["a hash in other base64", `old 7\n${"A".repeat(43)}\n\n`],
    ["64 hashes", `old 7\n${hash.repeat(64)}\n`],
    ["a carriage return", "old 7\r\n\r\n"],
    ["a blank before the size", "old  7\n\n"],
    ["a long line", `old 7\n${"A".repeat(10_000)}\n\n`],
  ])("is refused with %s", (_, head) => {
    expect(() => parseAddCheckpoint(body(head))).toThrow(
      expect.objectContaining({ code: "REQUEST_MALFORMED" }),
    );
  });

  it("takes 63 hashes, and a note that is one", () => {
    expect(parseAddCheckpoint(body(`old 7\n${hash.repeat(63)}\n`)).proof).toHaveLength(63);
    expect(() => parseAddCheckpoint(new TextEncoder().encode("old 7\n\nno note\n"))).toThrow(
      expect.objectContaining({ code: "NOTE_MALFORMED" }),
    );
    expect(() => parseAddCheckpoint(new Uint8Array(100_000))).toThrow(
      expect.objectContaining({ code: "TOO_LARGE" }),
    );
  });
});
