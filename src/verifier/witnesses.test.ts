import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyFromName, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { checkpointText } from "../format/checkpoint.ts";
import { cosignText } from "../format/cosignature.ts";
import { leafHash } from "../format/merkle.ts";
import {
  type NoteSignature,
  noteKeyOf,
  noteKeyText,
  noteKeyTypes,
  type SignedNote,
} from "../format/signed-note.ts";
import { anchorOf } from "./anchor.ts";
import { parseTrust, type Trust } from "./index.ts";
import { Findings } from "./layer.ts";
import { checkWitnesses, countWitnesses } from "./witnesses.ts";

const origin = "log.example/acme";
const text = checkpointText({ origin, size: 5, root: leafHash(new Uint8Array([1])) });
const log = noteKeyOf(origin, keyFromName("log").publicKey, noteKeyTypes.ed25519);
const named = ["one", "two", "three", "four"].map((word) => {
  const signer = keyFromName(`witness ${word}`);
  const key = noteKeyOf(`witness.example/${word}`, signer.publicKey, noteKeyTypes.cosignature);
  return { signer, key, vkey: noteKeyText(key), at: (time: number) => cosignText(signer, key, text, time) };
});
const [one, two, three, four] = named as [Named, Named, Named, Named];
type Named = (typeof named)[number];

const trust = (witnesses: readonly Named[], rest: Partial<Trust> = {}): Trust =>
  sampleTrust({ witnesses: witnesses.map(({ vkey }) => ({ key: vkey })), ...rest });
const noteOf = async (...signatures: (Promise<NoteSignature> | NoteSignature)[]): Promise<SignedNote> => ({
  text,
  signatures: [
    {
      name: origin,
      id: log.id,
      bytes: new Uint8Array(await keyFromName("log").sign(new TextEncoder().encode(text))),
    },
    ...(await Promise.all(signatures)),
  ],
});
async function checked(note: SignedNote, judged: Trust | undefined) {
  const findings = new Findings("log");
  const witnessed = await checkWitnesses(findings, note, anchorOf(judged), "log/checkpoint");
  const layer = findings.end({ anchored: "established" });
  return { ...witnessed, codes: layer.failures.map(({ code }) => code), ...layer };
}

describe("witnesses", () => {
  it("count when each of the quorum cosigned, and say by when", async () => {
    const note = await noteOf(one.at(30), two.at(10), three.at(20));
    const found = await checked(note, trust([one, two, three], { witnessQuorum: 2 }));
    expect(found.codes).toEqual([]);
    expect(found.names).toHaveLength(3);
    expect([found.reachedAt, found.lastReachedAt]).toEqual([20_999, 20_000]);
    expect(found.notes.join()).toContain("witness.example/two");
    const all = await checked(note, trust([one, two, three]));
    expect([all.codes, all.reachedAt, all.lastReachedAt]).toEqual([[], 30_999, 10_000]);
  });

  it("are all needed when no quorum is given, and none when there are none", async () => {
    const note = await noteOf(one.at(30));
    expect((await checked(note, trust([one, two]))).codes).toEqual(["FAILURE_WITNESS_QUORUM_UNSATISFIED"]);
    for (const judged of [undefined, sampleTrust(), trust([one, two], { witnessQuorum: 0 })]) {
      const found = await checked(note, judged);
      expect([found.codes, found.reachedAt]).toEqual([[], undefined]);
    }
  });

  it("are one when one signs twice, has two keys, or an unknown one joins", async () => {
    const twice = await checked(await noteOf(one.at(30), one.at(20)), trust([one, two]));
    expect(twice.codes).toEqual(["FAILURE_WITNESS_QUORUM_UNSATISFIED"]);
    expect(twice.names).toEqual(["witness.example/one"]);
    const second = noteKeyOf(one.key.name, keyFromName("second").publicKey, noteKeyTypes.cosignature);
    const rotated = cosignText(keyFromName("second"), second, text, 5);
    const both = trust([one, two], {
      witnesses: [one.vkey, noteKeyText(second), two.vkey].map((key) => ({ key })),
      witnessQuorum: 2,
    });
    expect((await checked(await noteOf(one.at(30), rotated), both)).codes).toEqual([
      "FAILURE_WITNESS_QUORUM_UNSATISFIED",
    ]);
    const unknown = await checked(await noteOf(one.at(30), four.at(20)), trust([one, two]));
    expect([unknown.codes, unknown.unknown]).toEqual([["FAILURE_WITNESS_QUORUM_UNSATISFIED"], 1]);
    expect(unknown.notes).toEqual(["signatures by keys of no listed witness, ignored: 1"]);
  });

  it("contradict when a listed one's cosignature does not verify, also beside one that does", async () => {
    const good = await one.at(30);
    const bad = { ...good, bytes: good.bytes.with(40, (good.bytes[40] ?? 0) ^ 1) };
    const alone = await checked(await noteOf(bad, two.at(1)), trust([one, two], { witnessQuorum: 1 }));
    expect([alone.codes, alone.anchored]).toEqual([["FAILURE_WITNESS_INVALID"], "failed"]);
    const beside = await checked(await noteOf(good, bad), trust([one]));
    expect(beside.codes).toEqual(["FAILURE_WITNESS_INVALID", "FAILURE_WITNESS_QUORUM_UNSATISFIED"]);
  });

  it("are others in another name, with another key, or over another text", async () => {
    const renamed = { ...(await one.at(30)), name: two.key.name };
    expect((await checked(await noteOf(renamed), trust([one], { witnessQuorum: 1 }))).codes).toEqual([
      "FAILURE_WITNESS_QUORUM_UNSATISFIED",
    ]);
    // The key id is two's, the signature one's.
    const borrowed = { ...(await one.at(30)), name: two.key.name, id: two.key.id };
    expect((await checked(await noteOf(borrowed), trust([two]))).codes).toContain("FAILURE_WITNESS_INVALID");
    const other = await noteOf(one.at(30));
    const moved = { ...other, text: other.text.replace("\n5\n", "\n6\n") };
    expect((await checked(moved, trust([one]))).codes).toContain("FAILURE_WITNESS_INVALID");
  });

  it("do not count with a key that somebody else may have had", async () => {
    const compromised = [{ keyId: one.key.key.keyId, since: "2026-01-01T00:00:00Z" }];
    const found = await checked(await noteOf(one.at(30), two.at(10)), trust([one, two], { compromised }));
    expect(found.codes).toEqual(["FAILURE_WITNESS_QUORUM_UNSATISFIED"]);
    expect(found.notes.join()).toContain("compromised");
  });

  it("bound the time rightly as long as fewer than the quorum lie", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 4, maxLength: 4 }),
        fc.nat(3),
        async (quorum, times, liars) => {
          const honest = 500_000;
          const lying = Math.min(liars, quorum - 1);
          const note = await noteOf(
            ...named.map((each, index) => each.at(index < lying ? (times[index] ?? 0) : honest + index)),
          );
          const anchor = anchorOf(trust(named, { witnessQuorum: quorum }));
          const { reachedAt = 0, lastReachedAt = 0 } = await countWitnesses(note, anchor);
          // It was there when the first honest one signed, and what cites it came after the last honest one signed.
          expect(reachedAt).toBeGreaterThanOrEqual((honest + lying) * 1000);
          expect(lastReachedAt).toBeLessThanOrEqual((honest + 3) * 1000);
        },
      ),
      { numRuns: 60 },
    ));
});

describe("a trust file", () => {
  const read = (changes: object) => () => parseTrust(JSON.stringify({ ...sampleTrust(), ...changes }));
  const malformed = expect.objectContaining({ code: "FAILURE_INPUT_MALFORMED" });
  const keys = (...vkeys: string[]) => vkeys.map((key) => ({ key }));
  const logKey = noteKeyText(log);
  const root = `${"A".repeat(43)}=`;

  it("names logs and witnesses", () => {
    const logs = [{ key: logKey, notBefore: "2026-01-01T00:00:00Z", checkpoint: { size: 5, root } }];
    const anchor = anchorOf(read({ logs, witnesses: keys(one.vkey, two.vkey), witnessQuorum: 1 })());
    expect(anchor.logs[0]?.key).toEqual(log);
    expect(anchor.logs[0]?.checkpoint).toEqual({ size: 5, root: new Uint8Array(32) });
    expect(anchor.witnesses.map(({ key }) => key)).toEqual([one.key, two.key]);
    expect(anchor.witnessQuorum).toBe(1);
    expect(anchorOf(read({ witnesses: keys(one.vkey, two.vkey) })()).witnessQuorum).toBe(2);
  });

  const sameKey = noteKeyText(noteKeyOf("witness.example/x", one.signer.publicKey, noteKeyTypes.cosignature));
  const ofLog = noteKeyText(noteKeyOf("witness.example/x", log.key, noteKeyTypes.cosignature));
  it.each([
    ["a key that is none", { witnesses: keys(`witness.example/one+00000000+${"A".repeat(44)}`) }],
    ["a key id that is not the key's", { witnesses: keys(one.vkey.replace(one.key.id, "00000000")) }],
    ["a log's key as a witness's", { witnesses: keys(logKey) }],
    ["a witness's key as a log's", { logs: keys(one.vkey) }],
    ["the same witness twice", { witnesses: keys(one.vkey, one.vkey) }],
    ["one key for two witnesses", { witnesses: keys(one.vkey, sameKey) }],
    ["a log that is its own witness", { logs: keys(logKey), witnesses: keys(ofLog) }],
    ["the same log twice", { logs: keys(logKey, logKey) }],
    ["a quorum above the number", { witnesses: keys(one.vkey), witnessQuorum: 2 }],
    ["a quorum without witnesses", { witnessQuorum: 1 }],
    [
      "a pinned root that is no hash",
      { logs: [{ key: logKey, checkpoint: { size: 1, root: `${"A".repeat(42)}B=` } }] },
    ],
    ["a pinned size of nothing", { logs: [{ key: logKey, checkpoint: { size: 0, root } }] }],
    [
      "a validity that ends first",
      { logs: [{ key: logKey, notBefore: "2026-01-02T00:00:00Z", notAfter: "2026-01-01T00:00:00Z" }] },
    ],
  ])("is refused with %s", (_, changes) => {
    expect(read(changes)).toThrow(malformed);
  });
});
