import { generateKeyPairSync, sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkpointText } from "../format/checkpoint.ts";
import { FormatError } from "../format/coded-error.ts";
import { leafHash, rootOf } from "../format/merkle.ts";
import { publicKeyFromSpki } from "../format/public-key.ts";
import { type NoteKey, noteKeyOf, noteKeyTypes, signedNoteBytes } from "../format/signed-note.ts";
import { parseTlogProof, type TlogProof, tlogProofText, verifyTlogProof } from "./tlog-proof.ts";
import { proveInclusion } from "./tree-proof.ts";

const encoder = new TextEncoder();
const entries = ["one", "two", "three", "four", "five"].map((text) => encoder.encode(text));
const leaves = entries.map(leafHash);
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
const keyOf = (name: string): NoteKey => noteKeyOf(name, publicKeyFromSpki(spki), noteKeyTypes.ed25519);
const key = keyOf("example.com/log");

function proofOf(index: number, signer = key, origin = signer.name): TlogProof {
  const text = checkpointText({ origin, size: leaves.length, root: rootOf(leaves) });
  const bytes = new Uint8Array(sign(null, encoder.encode(text), privateKey));
  const checkpoint = signedNoteBytes({ text, signatures: [{ name: signer.name, id: signer.id, bytes }] });
  const path = proveInclusion(index, leaves.length, (_level, from, to) => leaves.slice(from, to));
  return { extra: entries[index], index, path, checkpoint };
}
const entry = (index: number) => entries[index] as Uint8Array;

describe("a tlog-proof", () => {
  it("shows each entry to whoever has the log's key", async () => {
    for (const index of leaves.keys()) {
      const proof = parseTlogProof(encoder.encode(tlogProofText(proofOf(index))));
      expect(proof).toEqual(proofOf(index));
      expect(await verifyTlogProof(proof, entry(index), key)).toBe(true);
      expect(await verifyTlogProof(proof, entry((index + 1) % 5), key)).toBe(false);
    }
  });

  it("shows nothing of another log, another name of the same key, or a root that was not signed", async () => {
    expect(await verifyTlogProof(proofOf(1), entry(1), keyOf("example.com/other"))).toBe(false);
    expect(await verifyTlogProof(proofOf(1, key, "example.com/other"), entry(1), key)).toBe(false);
    const text = new TextDecoder().decode(proofOf(1).checkpoint).replace("\n5\n", "\n6\n");
    expect(await verifyTlogProof({ ...proofOf(1), checkpoint: encoder.encode(text) }, entry(1), key)).toBe(
      false,
    );
  });

  it("may leave out the extra line", () => {
    const { extra: _, ...rest } = proofOf(2);
    const text = tlogProofText({ ...rest, extra: undefined });
    expect(text.split("\n")[1]).toBe("index 2");
    expect(parseTlogProof(encoder.encode(text)).extra).toBeUndefined();
  });

  it.each([
    ["another version", (text: string) => text.replace("@v1", "@v2")],
    ["an index with a leading zero", (text: string) => text.replace("index 2", "index 02")],
    ["no index", (text: string) => text.replace("index 2\n", "")],
    ["a line that is not base64", (text: string) => text.replace("index 2\n", "index 2\n!\n")],
    ["a short hash", (text: string) => text.replace("index 2\n", "index 2\nAAAA\n")],
    ["no checkpoint", (text: string) => text.split("\n\n")[0] ?? ""],
  ])("with %s is refused", (_what, change) => {
    const text = change(tlogProofText(proofOf(2)));
    expect(() => parseTlogProof(encoder.encode(text))).toThrow(
      expect.objectContaining({ code: "PROOF_MALFORMED" }),
    );
  });

  it("of whatever bytes is read or refused, and throws nothing else", () => {
    const text = tlogProofText(proofOf(3));
    const edit = fc.tuple(fc.nat(text.length), fc.nat(5), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(edit, ([at, length, instead]) => {
        const bytes = encoder.encode(text.slice(0, at) + instead + text.slice(at + length));
        try {
          parseTlogProof(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
