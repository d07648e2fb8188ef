import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { checkpointText, parseCheckpoint } from "./checkpoint.ts";
import { EMPTY_ROOT } from "./merkle.ts";
import { publicKeyFromSpki } from "./public-key.ts";
import {
  isSignedBy,
  noteKeyOf,
  noteKeyText,
  noteKeyTypes,
  parseNoteKey,
  parseSignedNote,
  signedNoteBytes,
} from "./signed-note.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const key = noteKeyOf(
  "log.example/one",
  publicKeyFromSpki(new Uint8Array(publicKey.export({ type: "spki", format: "der" }))),
  noteKeyTypes.ed25519,
);
const text = checkpointText({ origin: "log.example/one", size: 7, root: EMPTY_ROOT });
const bytes = (signed = text, name = key.name) =>
  signedNoteBytes({
    text,
    signatures: [
      { name, id: key.id, bytes: new Uint8Array(sign(null, new TextEncoder().encode(signed), privateKey)) },
    ],
  });

describe("a checkpoint", () => {
  it("comes back from its text", () => {
    expect(checkpointText(parseCheckpoint(text))).toBe(text);
  });

  it.each([
    ["a leading zero", text.replace("\n7\n", "\n07\n")],
    ["a sign", text.replace("\n7\n", "\n+7\n")],
    ["too large a size", text.replace("\n7\n", "\n9007199254740992\n")],
    ["no origin", text.replace("log.example/one", "")],
    ["a short root", text.replace(/\n[^\n]+\n$/, "\nAAAA\n")],
    ["an extension line", `${text}more\n`],
    ["no last line feed", text.slice(0, -1)],
  ])("is refused with %s", (_, changed) => {
    expect(() => parseCheckpoint(changed)).toThrow(expect.objectContaining({ code: "CHECKPOINT_MALFORMED" }));
  });
});

describe("a signed note", () => {
  it("is signed by its key, and by no other name or text", async () => {
    const note = parseSignedNote(bytes());
    expect(note.text).toBe(text);
    expect(await isSignedBy(note, key)).toBe(true);
    expect(await isSignedBy(parseSignedNote(bytes("another\n")), key)).toBe(false);
    expect(await isSignedBy(parseSignedNote(bytes(text, "log.example/two")), key)).toBe(false);
    expect(await isSignedBy(note, parseNoteKey(noteKeyText(key)))).toBe(true);
  });

  it("names its key as others do", () => {
    const known = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    expect(noteKeyText(parseNoteKey(known))).toBe(known);
    expect(() => parseNoteKey(known.replace("33d7", "33d8"))).toThrow(
      expect.objectContaining({ code: "KEY_MALFORMED" }),
    );
  });

  it.each([
    ["no signature", new TextEncoder().encode(`${text}\n`)],
    ["a carriage return", new TextEncoder().encode(new TextDecoder().decode(bytes()).replace("\n", "\r\n"))],
    ["bytes that are not UTF-8", Uint8Array.of(0xff, ...bytes())],
    ["a signature too short", new TextEncoder().encode(`${text}\n— a AAAA\n`)],
    ["no last line feed", bytes().subarray(0, -1)],
  ])("is refused with %s", (_, note) => {
    expect(() => parseSignedNote(note)).toThrow(expect.objectContaining({ code: "NOTE_MALFORMED" }));
  });
});
