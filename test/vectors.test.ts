import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ContractError } from "../src/contract/contract-error.ts";
import { digestOfDocument } from "../src/contract/digest-document.ts";
import { type LogEntry, logEntryBytes, logLeaf } from "../src/contract/log-entry.ts";
import { contractFromJson } from "../src/contract/parse-contract.ts";
import { parseScopePattern } from "../src/contract/scope-pattern.ts";
import { fromBase64, fromHex, toHex } from "../src/format/base64.ts";
import { canonicalJson, parseCanonicalJson } from "../src/format/canonical-json.ts";
import { verifySignature } from "../src/format/crypto.ts";
import { digestOfJson } from "../src/format/digest.ts";
import { envelopeDigest, preAuthEncoding } from "../src/format/dsse.ts";
import type { Json } from "../src/format/json.ts";
import { leafHash, rootOf } from "../src/format/merkle.ts";
import { parsePublicKey } from "../src/format/public-key.ts";
import { parseNoteKey, parseSignedNote } from "../src/format/signed-note.ts";
import { parseSshPublicKey } from "../src/format/ssh-public-key.ts";
import { verifySshSignature } from "../src/format/sshsig.ts";
import { partialTiles, tilePath, tilesAbove } from "../src/format/tile.ts";
import { covers } from "../src/gate/scope-match.ts";
import { parseSubject } from "../src/gate/scope-subject.ts";
import { parseTlogProof, tlogProofText, verifyTlogProof } from "../src/ledger/tlog-proof.ts";
import { anchorOf } from "../src/verifier/anchor.ts";
import { parseTrust, type Trust, tarBundle, verifyBundle } from "../src/verifier/index.ts";
import { Findings } from "../src/verifier/layer.ts";
import { checkWitnesses } from "../src/verifier/witnesses.ts";

const root = join(import.meta.dirname, "..", "vectors");
const json = <T = Record<string, never>>(path: string): T =>
  JSON.parse(readFileSync(join(root, path), "utf8")) as T;
const named = (pattern: string) =>
  globSync(pattern, { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .sort();

describe("canonical-json", () => {
  it.each(json<{ input: string; canonical: string; digest: string }[]>("canonical-json/accept.json"))(
    "accepts $canonical",
    ({ input, canonical, digest }) => {
      expect(canonicalJson(JSON.parse(input))).toBe(canonical);
      expect(digestOfJson(JSON.parse(input))).toBe(digest);
      expect(canonicalJson(parseCanonicalJson(new TextEncoder().encode(canonical)))).toBe(canonical);
    },
  );
  it.each(json<{ about: string; hex: string }[]>("canonical-json/reject.json"))(
    "rejects $about",
    ({ hex }) => {
      expect(() => parseCanonicalJson(fromHex(hex))).toThrow();
    },
  );
});

interface SshVector {
  readonly about: string;
  readonly publicKey: string;
  readonly keyId: string;
  readonly namespace: string;
  readonly message: string;
  readonly signature: string;
  readonly expect: string;
}

describe("sshsig", () => {
  const checked = ({ publicKey, namespace, message, signature }: SshVector) =>
    verifySshSignature(parseSshPublicKey(publicKey), namespace, fromBase64(message), fromBase64(signature));
  it.each(json<SshVector[]>("sshsig/accept.json"))("accepts $about", async (vector) => {
    expect(parseSshPublicKey(vector.publicKey).keyId).toBe(vector.keyId);
    expect(await checked(vector)).toEqual({ ok: true });
  });
  it.each(json<SshVector[]>("sshsig/reject.json"))("rejects $about", async (vector) => {
    expect(await checked(vector)).toEqual({ ok: false, reason: vector.expect });
  });
});

describe("dsse", () => {
  interface Signed {
    payloadType: string;
    payload: string;
    signature: string;
  }
  const accepted = json<Signed & Record<"publicKey" | "preAuthEncoding" | "digest" | "keyId", string>>(
    "dsse/accept.json",
  );
  const key = parsePublicKey(accepted.publicKey);
  const verify = (vector: Signed) =>
    verifySignature(
      key,
      preAuthEncoding(vector.payloadType, fromBase64(vector.payload)),
      fromBase64(vector.signature),
    );

  it("accepts", async () => {
    const payload = fromBase64(accepted.payload);
    expect(toHex(preAuthEncoding(accepted.payloadType, payload))).toBe(accepted.preAuthEncoding);
    expect(envelopeDigest({ payloadType: accepted.payloadType, payload })).toBe(accepted.digest);
    expect(key.keyId).toBe(accepted.keyId);
    expect(await verify(accepted)).toBe(true);
  });
  it.each(json<(Signed & { about: string })[]>("dsse/reject.json"))("rejects $about", async (vector) => {
    expect(await verify(vector)).toBe(false);
  });
});

describe("scope", () => {
  it.each(json<{ pattern: string; subject: string; covered: boolean }[]>("scope/matching.json"))(
    "$pattern covers $subject: $covered",
    ({ pattern, subject, covered }) => {
      const parsed = parseScopePattern(pattern);
      const colon = subject.indexOf(":");
      const target = parseSubject({ kind: subject.slice(0, colon), value: subject.slice(colon + 1) });
      expect(parsed.ok && target !== undefined && covers(parsed.pattern, target)).toBe(covered);
    },
  );
});

describe("contract", () => {
  it.each(named("contract/accept/*.json"))("%s", (path) => {
    const { document, digest } = json<{ document: Json; digest: string }>(path);
    expect(digestOfDocument(contractFromJson(document))).toBe(digest);
  });
  it.each(named("contract/reject/*.json"))("%s", (path) => {
    const { document, expect: wanted } = json<{ document: Json; expect: object[] }>(path);
    let faults: ContractError["faults"] = [];
    try {
      contractFromJson(document);
    } catch (error) {
      if (error instanceof ContractError) faults = error.faults;
    }
    expect(faults.map(({ path: at, code }) => ({ path: at, code }))).toEqual(wanted);
  });
});

describe("action", () => {
  it("has its digest", () => {
    const { action, actionDigest } = json("action/accept.json");
    expect(digestOfJson(action)).toBe(actionDigest);
  });
});

describe("trust", () => {
  it.each(named("trust/accept/*.json"))("%s", (path) => {
    expect(parseTrust(readFileSync(join(root, path), "utf8")).kind).toBe("Trust");
  });
  it.each(named("trust/reject/*.json"))("%s", (path) => {
    const { trust, error } = json(path);
    expect(() => parseTrust(JSON.stringify(trust))).toThrow(expect.objectContaining({ code: error }));
  });
});

interface WitnessVector {
  readonly about: string;
  readonly note: string;
  readonly witnesses: readonly string[];
  readonly quorum: number | null;
  readonly compromised?: Trust["compromised"];
  readonly names: readonly string[];
  readonly reachedAt: number | null;
  readonly lastReachedAt: number | null;
  readonly codes: readonly string[];
}

describe("witnesses", () => {
  const checked = async ({ note, witnesses, quorum, compromised }: WitnessVector) => {
    const findings = new Findings("log");
    const empty: Trust = { apiVersion: "witnessops/v1", kind: "Trust", issuerRoots: [], principals: [] };
    const anchor = anchorOf({
      ...empty,
      witnesses: witnesses.map((key) => ({ key })),
      ...(quorum === null ? {} : { witnessQuorum: quorum }),
      ...(compromised === undefined ? {} : { compromised }),
    });
    const parsed = parseSignedNote(new TextEncoder().encode(note));
    const witnessed = await checkWitnesses(findings, parsed, anchor, "log/checkpoint");
    return { witnessed, codes: findings.end({ anchored: "established" }).failures.map(({ code }) => code) };
  };
  it.each(json<WitnessVector[]>("witnesses/accept.json"))("accepts $about", async (vector) => {
    const { witnessed, codes } = await checked(vector);
    expect([codes, witnessed.names]).toEqual([[], vector.names]);
    expect(witnessed.reachedAt ?? null).toBe(vector.reachedAt);
    expect(witnessed.lastReachedAt ?? null).toBe(vector.lastReachedAt);
  });
  it.each(json<WitnessVector[]>("witnesses/reject.json"))("rejects $about", async (vector) => {
    expect((await checked(vector)).codes).toEqual(vector.codes);
  });
});

describe("log", () => {
  it("entries have their leaf hash", () => {
    type Entry = LogEntry & { readonly bytes: string; readonly leafHash: string };
    const { bytes, leafHash: leaf, ...entry } = json<Entry>("log/entry.json");
    expect(new TextDecoder().decode(logEntryBytes(entry))).toBe(bytes);
    expect(toHex(logLeaf(entry))).toBe(leaf);
  });

  it("sizes have their tiles and roots", () => {
    interface Size {
      size: number;
      root: string;
      partial: string[];
      above: { index: number; tiles: string[] }[];
    }
    for (const { size, root: expected, partial, above } of json<{ sizes: Size[] }>("log/tiles.json").sizes) {
      const leaves = Array.from({ length: size }, (_, i) => leafHash(new TextEncoder().encode(String(i))));
      expect(toHex(rootOf(leaves))).toBe(expected);
      expect(partialTiles(size).map(tilePath)).toEqual(partial);
      for (const { index, tiles } of above) expect(tilesAbove(index, size).map(tilePath)).toEqual(tiles);
    }
  });

  it("a proof shows its entry", async () => {
    const { key, entry, proof } = json<Record<string, string>>("log/proof.json");
    const parsed = parseTlogProof(new TextEncoder().encode(proof));
    expect(tlogProofText(parsed)).toBe(proof);
    const bytes = new TextEncoder().encode(entry);
    expect(await verifyTlogProof(parsed, bytes, parseNoteKey(key ?? ""))).toBe(true);
  });
});

interface Vector {
  bundle: string;
  trust: string | null;
  expect: { verdict?: string; codes?: string[]; missing?: string[] };
}
const bundles = named("{bundle,proof-class}/**/vector.json");
describe("bundles", () => {
  it("are there", () => expect(bundles.length).toBeGreaterThan(35));

  it.each(bundles)("%s", async (path) => {
    const vector = json<Vector>(path);
    const folder = join(root, dirname(path));
    const trust =
      vector.trust === null ? undefined : parseTrust(readFileSync(join(folder, vector.trust), "utf8"));
    const report = await verifyBundle(tarBundle(readFileSync(join(folder, vector.bundle))), trust);
    const { verdict, codes, missing } = vector.expect;
    if (verdict !== undefined) expect([report.verdict, report.reasons]).toEqual([verdict, expect.anything()]);
    if (codes !== undefined) {
      const found = new Set(report.layers.flatMap((layer) => layer.failures.map((failure) => failure.code)));
      expect([...found]).toEqual(codes);
    }
    if (missing !== undefined) {
      const hello = report.steps.find(({ id }) => id === "hello");
      expect(hello?.missing).toEqual(missing);
      expect(hello?.proofClass).toBe(missing.length === 0 ? "strong-proof" : "operational-input");
    }
  });
});
