import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needProgram } from "../../scripts/need-program.ts";
import {
  extensions,
  keyOf,
  makeAuthority,
  makeCertificate,
  makeTimestamp,
  pemOf,
  rootExtensions,
  SERVER_AUTH,
  signerExtensions,
  TIME_STAMPING,
  type TokenOptions,
} from "../../test/fixtures/make-timestamp.ts";
import { findPath } from "./certificate-path.ts";
import { derSequence } from "./der.ts";
import { hasNonce, timestampRequest } from "./timestamp-request.ts";
import { parseTimestampResponse } from "./timestamp-response.ts";
import { verifyTimestamp } from "./verify-timestamp.ts";
import { parseX509 } from "./x509.ts";

const AT = Date.parse("2026-11-23T10:30:00.000Z");
const stamped = new Uint8Array(randomBytes(64));
const { root, signer } = makeAuthority("test");
const token = (options: Partial<TokenOptions> = {}) => makeTimestamp(stamped, { signer, at: AT, ...options });
const check = (options: Partial<TokenOptions>, bytes = stamped) => verifyTimestamp(token(options), bytes);
const missing = needProgram("openssl", "openssl");

describe("a token", () => {
  it("that holds says when, and by whose certificate", async () => {
    const checked = await check({ accuracySeconds: 2, nonce: Uint8Array.of(0x81, 2) });
    expect(checked).toMatchObject({ state: "holds", genTime: AT, accuracy: 2000 });
    if (checked.state !== "holds") return;
    expect(checked.signer.der).toEqual(signer.der);
    expect(hasNonce(checked.nonce, Uint8Array.of(0x81, 2))).toBe(true);
    expect(hasNonce(checked.nonce, Uint8Array.of(0x81, 3))).toBe(false);
    expect(hasNonce(undefined, Uint8Array.of(0x81, 2))).toBe(false);
  });

  it.each(["sha256", "sha384", "sha512"] as const)("is signed with RSA or ECDSA and %s", async (hash) => {
    expect(await check({ hash })).toMatchObject({ state: "holds" });
    for (const namedCurve of ["prime256v1", "secp384r1"]) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve });
      const authority = makeAuthority("curved", { signerKey: privateKey });
      expect(await check({ hash, signer: authority.signer })).toMatchObject({ state: "holds" });
    }
  });

  const other = makeAuthority("other", { rootKey: keyOf("other"), signerKey: keyOf("other") });
  const twin = makeCertificate({
    subject: "twin",
    key: keyOf("other"),
    by: root,
    signedWith: keyOf("other"),
    serial: 7,
    extensions: signerExtensions,
  });
  const signerWith = (options: object) => makeAuthority("test", { signer: options }).signer;
  it.each<[string, Partial<TokenOptions>, RegExp]>([
    ["that was refused", { status: 2 }, /refused, with status 2/],
    ["of another content", { contentType: "1.2.840.113549.1.7.1" }, /no time-stamp/],
    [
      "signed as another content",
      { signedContentType: "1.2.840.113549.1.7.1" },
      /not signed as a time-stamp/,
    ],
    ["of another version", { version: 2 }, /version 1/],
    ["over a SHA-512", { imprintHash: "sha512" }, /not about the SHA-256/],
    ["whose content was exchanged", { messageDigest: new Uint8Array(32) }, /not what was signed/],
    ["signed by another key", { signedWith: keyOf("other") }, /signature does not verify/],
    ["that names another certificate by hash", { ess: other.signer.der }, /no certificate has the hash/],
    [
      "with a certificate put in the signer's place",
      { certificates: [twin.der] },
      /no certificate has the hash/,
    ],
    ["with an extension that must be understood", { criticalExtension: true }, /critical extension/],
    ["at no real time", { genTime: "20260230100000Z" }, /a time is not one/],
    ["at a time with zeros at its end", { genTime: "20261123103000.500Z" }, /a time is not one/],
    [
      "by an expired certificate",
      { signer: signerWith({ notAfter: "20261123102959Z" }) },
      /not valid at that time/,
    ],
    [
      "by one not yet valid",
      { signer: signerWith({ notBefore: "20261123103001Z" }) },
      /not valid at that time/,
    ],
    [
      "by a server's certificate",
      { signer: signerWith({ extensions: [extensions.purposes(true, SERVER_AUTH)] }) },
      /time-stamping alone/,
    ],
    [
      "by one for other things too",
      { signer: signerWith({ extensions: [extensions.purposes(true, TIME_STAMPING, SERVER_AUTH)] }) },
      /time-stamping alone/,
    ],
    [
      "by one whose purpose is not critical",
      { signer: signerWith({ extensions: [extensions.purposes(false, TIME_STAMPING)] }) },
      /time-stamping alone/,
    ],
    ["by one without purpose", { signer: signerWith({ extensions: [] }) }, /time-stamping alone/],
    [
      "by a key that may not sign",
      {
        signer: signerWith({
          extensions: [extensions.purposes(true, TIME_STAMPING), extensions.keyEncipherment],
        }),
      },
      /may not sign/,
    ],
    [
      "by one with an unknown critical extension",
      { signer: signerWith({ extensions: [...signerExtensions, extensions.unknown(true)] }) },
      /not understood/,
    ],
    [
      "with more certificates than anybody needs",
      { certificates: Array(17).fill(signer.der) },
      /more than 16/,
    ],
    ["with a certificate that is none", { certificates: [signer.der, derSequence()] }, /malformed/],
  ])("%s is broken", async (_about, options, why) => {
    const checked = await check(options);
    expect(checked).toMatchObject({ state: "broken" });
    expect("why" in checked && checked.why).toMatch(why);
  });

  it("over other bytes is broken", async () => {
    expect(await check({}, new Uint8Array(64))).toMatchObject({ state: "broken" });
  });

  it("is by the certificate that its signer names, whatever else is put into the bag", async () => {
    const injected = [other.root.der, twin.der, signer.der, other.signer.der];
    for (const ess of [undefined, null]) {
      const checked = await check({ certificates: injected, ...(ess === null ? { ess } : {}) });
      expect(checked).toMatchObject({ state: "holds" });
      expect("signer" in checked && checked.signer.der).toEqual(signer.der);
    }
  });

  it("without its signer's certificate needs it from elsewhere", async () => {
    const bare = token({ certificates: [] });
    expect(await verifyTimestamp(bare, stamped)).toMatchObject({ state: "unchecked" });
    expect(await verifyTimestamp(bare, stamped, [parseX509(signer.der)])).toMatchObject({ state: "holds" });
  });

  it("by a key or algorithm that is not known here is not judged", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp521r1" });
    const { signer: large } = makeAuthority("large", { signerKey: privateKey });
    expect(await check({ signer: large })).toMatchObject({ state: "unchecked" });
    const { privateKey: small } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(await check({ signer: makeAuthority("small", { signerKey: small }).signer })).toMatchObject({
      state: "unchecked",
    });
  });

  it("is never accepted, and crashes nothing, when a byte of what is signed changes", async () => {
    const honest = token();
    // Behind the certificate everything is signed, or is the signature; before it are the tags and the content.
    const bag = Buffer.from(honest).indexOf(signer.der);
    const free = (at: number) => at >= bag && at < bag + signer.der.length;
    for (let at = 0; at < honest.length; at++) {
      if (free(at)) continue;
      const changed = Uint8Array.from(honest);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const checked = await verifyTimestamp(changed, stamped);
      if (checked.state !== "holds") continue;
      // What is left is the status, of which two values grant, and algorithm names that say nothing else.
      expect([at, checked.genTime, checked.signer.der]).toEqual([at, AT, signer.der]);
      expect(at).toBeLessThan(bag);
    }
  });

  it("crashes nothing, whatever the bytes are", async () => {
    const honest = token({ accuracySeconds: 1, nonce: Uint8Array.of(0x80) });
    const cut = fc.tuple(fc.nat(honest.length), fc.nat(40), fc.uint8Array({ maxLength: 40 }));
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (cuts) => {
        let bytes: Uint8Array = honest;
        for (const [at, length, put] of cuts)
          bytes = new Uint8Array([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + length)]);
        const checked = await verifyTimestamp(bytes, stamped);
        if (checked.state === "holds") expect(checked.genTime).toBe(AT);
      }),
      { numRuns: 2000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect((await verifyTimestamp(bytes, stamped)).state).toBe("broken");
      }),
      { numRuns: 500 },
    );
    expect(() => parseTimestampResponse(new Uint8Array(65_537))).toThrow(/more than/);
  });
});

describe("a path", () => {
  const path = async (options: Partial<TokenOptions>, anchors: readonly Uint8Array[] = [root.der]) => {
    const checked = await check(options);
    if (checked.state !== "holds") return checked;
    return findPath(checked.signer, checked.certificates, anchors.map(parseX509), checked.genTime);
  };
  const middleOf = (options: object = {}) =>
    makeCertificate({
      subject: "test middle",
      key: keyOf("other"),
      by: root,
      serial: 9,
      extensions: rootExtensions,
      ...options,
    });
  const under = (middle: ReturnType<typeof middleOf>) => {
    const leaf = makeCertificate({
      subject: "test leaf",
      key: keyOf("signer"),
      by: middle,
      serial: 3,
      extensions: signerExtensions,
    });
    return { signer: leaf, certificates: [leaf.der, middle.der] };
  };

  it("leads to a root, over an intermediate that came with the token, or ends at an intermediate", async () => {
    const middle = middleOf();
    expect(await path({})).toEqual({ state: "trusted" });
    expect(await path(under(middle))).toEqual({ state: "trusted" });
    expect(await path({ ...under(middle), certificates: [under(middle).signer.der] }, [middle.der])).toEqual({
      state: "trusted",
    });
    expect(await path(under(middle), [middle.der])).toEqual({ state: "trusted" });
  });

  it("to somebody else's root is foreign", async () => {
    const other = makeAuthority("other", { rootKey: keyOf("other") });
    expect(await path({}, [other.root.der])).toEqual({ state: "foreign" });
    expect(await path({}, [])).toEqual({ state: "foreign" });
    expect(await path({}, [signer.der])).toEqual({ state: "foreign" });
  });

  it.each<[string, Partial<TokenOptions>, Uint8Array[], RegExp]>([
    [
      "to a root that did not sign it",
      { signer: makeAuthority("test", { signer: { signedWith: keyOf("other") } }).signer },
      [root.der],
      /not signed by the issuer/,
    ],
    [
      "over an expired intermediate",
      under(middleOf({ notAfter: "20261123100000Z" })),
      [root.der],
      /not valid at that time/,
    ],
    [
      "over one that may not issue",
      under(middleOf({ extensions: [] })),
      [root.der],
      /no certificate authority/,
    ],
    [
      "over one whose key may not sign certificates",
      under(middleOf({ extensions: [extensions.authority(), extensions.digitalSignature] })),
      [root.der],
      /may not sign certificates/,
    ],
    [
      "over one with an unknown critical extension",
      under(middleOf({ extensions: [...rootExtensions, extensions.unknown(true)] })),
      [root.der],
      /not understood/,
    ],
    [
      "under a root that allows no intermediate",
      under(middleOf()),
      [
        makeAuthority("test", { root: { extensions: [extensions.authority(0), extensions.certSign] } }).root
          .der,
      ],
      /so many below/,
    ],
    [
      "to an expired root",
      {},
      [makeAuthority("test", { root: { notAfter: "20261123100000Z" } }).root.der],
      /not valid at that time/,
    ],
  ])("%s is broken", async (_about, options, anchors, why) => {
    const found = await path(options, anchors);
    expect(found).toMatchObject({ state: "broken" });
    expect("why" in found && found.why).toMatch(why);
  });

  it("takes no time without end among many of one name", async () => {
    const key = keyOf("other");
    const by = { der: root.der, name: root.name, issuer: root.name, serial: root.serial, key };
    const many = Array.from({ length: 16 }, (_, serial) =>
      parseX509(
        makeCertificate({ subject: "test root", key, by, serial: serial + 20, extensions: rootExtensions })
          .der,
      ),
    );
    const leaf = parseX509(
      makeCertificate({ subject: "x", key: keyOf("signer"), by, extensions: signerExtensions }).der,
    );
    const before = performance.now();
    expect(await findPath(leaf, many, [parseX509(root.der)], AT)).toMatchObject({ state: "broken" });
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe.skipIf(missing !== undefined)("openssl", () => {
  const inFolder = <T>(use: (folder: string) => T): T => {
    const folder = mkdtempSync(join(tmpdir(), "witnessops-ts-"));
    try {
      return use(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it("accepts the tokens that this test makes, and refuses those for another signature", () =>
    inFolder((folder) => {
      const at = (name: string) => join(folder, name);
      writeFileSync(at("token"), token({ accuracySeconds: 1 }));
      writeFileSync(at("sig"), stamped);
      writeFileSync(at("other"), randomBytes(64));
      writeFileSync(at("root.pem"), pemOf(root));
      const verify = (data: string) =>
        spawnSync(
          "openssl",
          ["ts", "-verify", "-in", at("token"), "-data", at(data), "-CAfile", at("root.pem")],
          { encoding: "utf8" },
        );
      expect(verify("sig").stdout).toContain("Verification: OK");
      expect(verify("other").status).not.toBe(0);
    }));

  it("reads our requests", () =>
    inFolder((folder) => {
      writeFileSync(join(folder, "query"), timestampRequest(stamped, Uint8Array.of(0x9a, 0xbc)));
      const text = execFileSync("openssl", ["ts", "-query", "-in", join(folder, "query"), "-text"], {
        encoding: "utf8",
      });
      expect(text).toContain("Hash Algorithm: sha256");
      expect(text).toContain("Nonce: 0x9ABC");
      expect(text).toContain("Certificate required: yes");
    }));
});
