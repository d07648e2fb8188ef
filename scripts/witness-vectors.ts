// Vectors of witnesses: notes with cosignatures against a trust file's witnesses, and trust files that name them wrongly.
import type { Trust } from "../src/contract/trust.ts";
import { checkpointText } from "../src/format/checkpoint.ts";
import { cosignText } from "../src/format/cosignature.ts";
import { leafHash } from "../src/format/merkle.ts";
import {
  type NoteSignature,
  noteKeyOf,
  noteKeyText,
  noteKeyTypes,
  parseSignedNote,
  signedNoteBytes,
} from "../src/format/signed-note.ts";
import { forge } from "../test/fixtures/forge-bundle.ts";
import { keyFromName, sampleBundle, sampleLogKey, sampleTrust } from "../test/fixtures/sample-bundle.ts";
import type { BundleVector } from "./log-vectors.ts";

const origin = "log.example/acme";
const text = checkpointText({ origin, size: 7, root: leafHash(new Uint8Array([7])) });
const logSigner = keyFromName("log");
const logKey = noteKeyOf(origin, logSigner.publicKey, noteKeyTypes.ed25519);
const START = 1_800_000_000;

function witnessNamed(word: string, of = word) {
  const signer = keyFromName(`witness ${of}`);
  const key = noteKeyOf(`witness.example/${word}`, signer.publicKey, noteKeyTypes.cosignature);
  const at = (second: number, over = text) => cosignText(signer, key, over, START + second);
  return { key, vkey: noteKeyText(key), at };
}
const one = witnessNamed("one");
const two = witnessNamed("two");
const three = witnessNamed("three");
const stranger = witnessNamed("stranger");

type Line = NoteSignature | Promise<NoteSignature>;

async function noteOf(...lines: Line[]): Promise<string> {
  const bytes = new Uint8Array(await logSigner.sign(new TextEncoder().encode(text)));
  const own = { name: origin, id: logKey.id, bytes };
  return new TextDecoder().decode(
    signedNoteBytes({ text, signatures: [own, ...(await Promise.all(lines))] }),
  );
}

async function changed(line: Promise<NoteSignature>, at: number): Promise<NoteSignature> {
  const { bytes, ...rest } = await line;
  return { ...rest, bytes: bytes.with(at, (bytes[at] ?? 0) ^ 1) };
}

/** Path in `vectors/` → what stands there. */
export async function witnessVectors(): Promise<Record<string, unknown>> {
  const trio = [one.vkey, two.vkey, three.vkey];
  const found = (names: string[], first?: number, last?: number) => ({
    names: names.map((word) => `witness.example/${word}`),
    reachedAt: first === undefined ? null : (START + first) * 1000 + 999,
    lastReachedAt: last === undefined ? null : (START + last) * 1000,
  });
  const shared = keyFromName("witness one").publicKey;
  const alias = noteKeyText(noteKeyOf("witness.example/alias", shared, noteKeyTypes.cosignature));
  const ownWitness = noteKeyText(
    noteKeyOf("witness.example/log", logSigner.publicKey, noteKeyTypes.cosignature),
  );
  const rotated = witnessNamed("one", "one, second key");
  const trust = (changes: Partial<Trust>): unknown => ({
    trust: { ...sampleTrust(), ...changes },
    error: "FAILURE_INPUT_MALFORMED",
  });
  const keys = (...vkeys: string[]) => vkeys.map((key) => ({ key }));
  const compromised = [{ keyId: one.key.key.keyId, since: "2030-01-01T00:00:00Z" }];
  const root = `${"A".repeat(43)}=`;
  return {
    "witnesses/accept.json": [
      {
        about: "all three",
        note: await noteOf(one.at(30), two.at(10), three.at(20)),
        witnesses: trio,
        quorum: null,
        ...found(["one", "two", "three"], 30, 10),
      },
      {
        about: "two of three are enough",
        note: await noteOf(one.at(30), two.at(10), three.at(20)),
        witnesses: trio,
        quorum: 2,
        ...found(["one", "two", "three"], 20, 20),
      },
      {
        about: "one that signed twice: its earliest time, or its latest",
        note: await noteOf(one.at(30), one.at(5), two.at(10)),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        ...found(["one", "two"], 5, 30),
      },
      {
        about: "a witness that nobody listed is ignored",
        note: await noteOf(one.at(30), stranger.at(1)),
        witnesses: [one.vkey],
        quorum: null,
        ...found(["one"], 30, 30),
      },
      {
        about: "a quorum of nothing bounds nothing",
        note: await noteOf(one.at(30)),
        witnesses: trio,
        quorum: 0,
        ...found(["one"]),
      },
      {
        about: "no witnesses are listed",
        note: await noteOf(one.at(30)),
        witnesses: [],
        quorum: null,
        ...found([]),
      },
    ],
    "witnesses/reject.json": [
      {
        about: "a signature that does not verify",
        note: await noteOf(changed(one.at(30), 40), two.at(10)),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        codes: ["FAILURE_WITNESS_INVALID"],
      },
      {
        about: "a time that was changed",
        note: await noteOf(changed(one.at(30), 7), two.at(10)),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        codes: ["FAILURE_WITNESS_INVALID"],
      },
      {
        about: "a cosignature of another checkpoint",
        note: await noteOf(one.at(30, text.replace("\n7\n", "\n8\n")), two.at(10)),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        codes: ["FAILURE_WITNESS_INVALID"],
      },
      {
        about: "a line that is too long",
        note: await noteOf(
          one.at(30).then((line) => ({ ...line, bytes: new Uint8Array([...line.bytes, 0]) })),
          two.at(10),
        ),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        codes: ["FAILURE_WITNESS_INVALID"],
      },
      {
        about: "a line that fails beside one that holds",
        note: await noteOf(one.at(30), changed(one.at(30), 71), two.at(10)),
        witnesses: [one.vkey, two.vkey],
        quorum: 1,
        codes: ["FAILURE_WITNESS_INVALID"],
      },
      {
        about: "too few",
        note: await noteOf(one.at(30)),
        witnesses: trio,
        quorum: 2,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
      {
        about: "one counted twice",
        note: await noteOf(one.at(30), one.at(31)),
        witnesses: trio,
        quorum: 2,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
      {
        about: "one with two keys",
        note: await noteOf(one.at(30), rotated.at(31)),
        witnesses: [one.vkey, rotated.vkey, two.vkey],
        quorum: 2,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
      {
        about: "a listed name with a key that is not listed",
        note: await noteOf(rotated.at(30)),
        witnesses: [one.vkey],
        quorum: null,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
      {
        about: "a listed key under a name that is not listed",
        note: await noteOf(witnessNamed("other", "one").at(30)),
        witnesses: [one.vkey],
        quorum: null,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
      {
        about: "a key that somebody else may have had",
        note: await noteOf(one.at(30)),
        witnesses: [one.vkey],
        quorum: null,
        compromised,
        codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
      },
    ],
    "trust/accept/logs-and-witnesses.json": {
      ...sampleTrust(),
      logs: [{ key: noteKeyText(logKey), notBefore: "2026-01-01T00:00:00Z", checkpoint: { size: 7, root } }],
      witnesses: keys(...trio),
      witnessQuorum: 2,
    },
    "trust/reject/witness-key-malformed.json": trust({
      witnesses: keys(one.vkey.replace(one.key.id, "00000000")),
    }),
    "trust/reject/witness-key-of-log.json": trust({ witnesses: keys(noteKeyText(logKey)) }),
    "trust/reject/log-key-of-witness.json": trust({ logs: keys(one.vkey) }),
    "trust/reject/witness-twice.json": trust({ witnesses: keys(one.vkey, one.vkey) }),
    "trust/reject/one-key-for-two-witnesses.json": trust({ witnesses: keys(one.vkey, alias) }),
    "trust/reject/log-its-own-witness.json": trust({
      logs: keys(noteKeyText(logKey)),
      witnesses: keys(ownWitness),
    }),
    "trust/reject/log-twice.json": trust({ logs: keys(noteKeyText(logKey), noteKeyText(logKey)) }),
    "trust/reject/quorum-above-witnesses.json": trust({ witnesses: keys(one.vkey), witnessQuorum: 2 }),
  };
}

/** Bundles whose checkpoint witnesses cosigned. */
export async function witnessBundles(): Promise<BundleVector[]> {
  const hello = { id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } };
  const plain = await sampleBundle({ steps: [hello], conclusion: false, log: true });
  const trusting = (quorum: number): Trust =>
    sampleTrust({
      logs: [{ key: sampleLogKey() }],
      witnesses: [one, two, three].map(({ vkey }) => ({ key: vkey })),
      witnessQuorum: quorum,
    });
  /** The plain bundle with further lines under its checkpoint. */
  const cosigned = (lines: (over: string) => Line[]): Promise<ReadonlyMap<string, Uint8Array>> =>
    forge(plain, {
      async files(files) {
        const note = parseSignedNote(files.get("log/checkpoint") ?? new Uint8Array());
        const signatures = [...note.signatures, ...(await Promise.all(lines(note.text)))];
        files.set("log/checkpoint", signedNoteBytes({ text: note.text, signatures }));
      },
    });
  const both = await cosigned((over) => [one.at(30, over), two.at(10, over)]);
  const forged = await cosigned((over) => [
    one.at(30, over),
    two.at(10, over),
    changed(three.at(20, over), 40),
  ]);
  const twice = await cosigned((over) => [one.at(30, over), one.at(31, over)]);
  const reject = { trust: trusting(2), verdict: "invalid" } as const;
  return [
    {
      path: "bundle/accept/log-witnessed",
      about: "two of three witnesses cosigned",
      files: both,
      trust: trusting(2),
      verdict: "valid",
      codes: [],
    },
    {
      ...reject,
      path: "bundle/reject/witness-forged",
      about: "a cosignature of a listed witness that does not verify, beside enough that do",
      files: forged,
      codes: ["FAILURE_WITNESS_INVALID"],
    },
    {
      ...reject,
      path: "bundle/reject/witness-twice",
      about: "one witness that cosigned twice, where two are asked for",
      files: twice,
      codes: ["FAILURE_WITNESS_QUORUM_UNSATISFIED"],
    },
  ];
}
