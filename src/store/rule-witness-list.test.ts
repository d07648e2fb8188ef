import { describe, expect, it } from "vitest";
import { keyFromName } from "../../test/fixtures/sample-bundle.ts";
import { noteKeyOf, noteKeyText, noteKeyTypes } from "../format/signed-note.ts";
import { parseWorkspace } from "./workspace-file.ts";

const keyNamed = (name: string, of = name, type: 1 | 4 = noteKeyTypes.cosignature) =>
  noteKeyText(noteKeyOf(name, keyFromName(of).publicKey, type));
const read = (witnesses: readonly { key: string; url: string }[], quorum?: number) =>
  parseWorkspace(
    JSON.stringify({
      apiVersion: "witnessops/v1",
      kind: "Workspace",
      name: "acme",
      owner: "ana",
      log: { origin: "log.example/acme", witnesses, ...(quorum === undefined ? {} : { quorum }) },
    }),
    "witnessops.yaml",
  );
const one = { key: keyNamed("witness.example/one"), url: "https://witness.example/one" };
const two = { key: keyNamed("witness.example/two"), url: "http://127.0.0.1:8471" };

describe("the list of witnesses", () => {
  it("takes https, and http on this host", () => {
    expect(read([one, two], 1).log?.witnesses).toEqual([one, two]);
    expect(read([{ ...one, url: "http://[::1]:80/" }]).log?.witnesses).toHaveLength(1);
  });

  it.each([
    ["http elsewhere", [{ ...one, url: "http://witness.example/" }]],
    ["http to a name that looks like this host", [{ ...one, url: "http://127.0.0.1.example/" }]],
    ["another scheme", [{ ...one, url: "ftp://witness.example/" }]],
    ["a user", [{ ...one, url: "https://user:secret@witness.example/" }]],
    ["a query", [{ ...one, url: "https://witness.example/?to=" }]],
    ["a key that is none", [{ ...one, key: `witness.example/one+00000000+${"A".repeat(44)}` }]],
    ["a log's key", [{ ...one, key: keyNamed("witness.example/one", "x", noteKeyTypes.ed25519) }]],
    ["one witness twice", [one, one]],
    [
      "one key under two names",
      [one, { ...two, key: keyNamed("witness.example/two", "witness.example/one") }],
    ],
    ["two keys under one name", [one, { ...two, key: keyNamed("witness.example/one", "x") }]],
  ])("refuses %s", (_, witnesses) => {
    expect(() => read(witnesses)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
  });

  it("refuses a quorum above their number", () => {
    expect(() => read([one], 2)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
    expect(() => read([], 1)).toThrow(expect.objectContaining({ code: "DOCUMENT_INVALID" }));
  });
});
