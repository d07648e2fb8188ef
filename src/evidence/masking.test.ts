import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MASK, maskJson, maskText, startMasker } from "./masking.ts";
import { needlesOf } from "./secret-forms.ts";

/** Cuts bytes at the given places and masks them chunk by chunk. */
function maskInChunks(
  bytes: Buffer,
  cuts: readonly number[],
  secrets: string[],
): { out: Buffer; masked: number } {
  const masker = startMasker(needlesOf(secrets));
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  places.sort((a, b) => a - b);
  const chunks = places.slice(1).map((end, i) => masker.push(bytes.subarray(places[i], end)));
  return { out: Buffer.concat([...chunks, masker.end()]), masked: masker.masked };
}

/** Spellings that the masking has to know, written independently of it. */
const spellings: Record<string, (secret: string) => string> = {
  raw: (secret) => secret,
  base64: (secret) => Buffer.from(secret).toString("base64"),
  "base64 after one byte": (secret) => Buffer.from(`x${secret}`).toString("base64"),
  "base64 after two bytes": (secret) => Buffer.from(`xy${secret}z`).toString("base64"),
  "basic credentials": (secret) => Buffer.from(`admin:${secret}`).toString("base64"),
  base64url: (secret) => Buffer.from(`a${secret}`).toString("base64url"),
  "percent-encoded base64": (secret) => encodeURIComponent(Buffer.from(secret).toString("base64")),
  "percent-encoded": encodeURIComponent,
  "percent-encoded in lower case": (secret) =>
    encodeURIComponent(secret).replace(/%../g, (hex) => hex.toLowerCase()),
  form: (secret) => new URLSearchParams({ key: secret }).toString(),
  "a URL's query": (secret) => {
    const url = new URL("https://example.com/");
    url.searchParams.set("key", secret);
    return url.href;
  },
  "every byte percent-encoded": (secret) => Buffer.from(secret).toString("hex").replace(/../g, "%$&"),
  JSON: (secret) => JSON.stringify({ key: secret }),
  "JSON with escaped slashes": (secret) => JSON.stringify({ key: secret }).replaceAll("/", "\\/"),
  "JSON in ASCII": (secret) =>
    JSON.stringify(secret).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  "JSON in JSON": (secret) => JSON.stringify({ body: JSON.stringify({ key: secret }) }),
};

const secretValue = fc
  .oneof(
    fc.string({ unit: "grapheme-ascii", minLength: 8, maxLength: 60 }),
    fc.string({ unit: "grapheme", minLength: 8, maxLength: 40 }),
    fc.stringMatching(/^[a-z+/="\\ ]{8,20}$/),
  )
  .map((secret) => secret.trim())
  .filter((secret) => Buffer.byteLength(secret) >= 8 && !MASK.includes(secret));
const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** Whether a text gives the secret away, after undoing what the spelling did. */
function reveals(text: string, spelled: string, secret: string): boolean {
  return text.includes(spelled) || text.includes(secret);
}

describe("masking", () => {
  it.each(Object.entries(spellings))("lets no secret through: %s", (_name, spell) => {
    fc.assert(
      fc.property(secretValue, fc.string(), fc.string(), cuts, (secret, before, after, places) => {
        const spelled = spell(secret);
        fc.pre(!reveals(`${before} ${after}`, spelled, secret));
        const bytes = Buffer.from(`${before} ${spelled} ${after}`);
        const { out, masked } = maskInChunks(bytes, places, [secret]);
        expect(masked).toBeGreaterThan(0);
        expect(reveals(out.toString(), spelled, secret)).toBe(false);
        expect(maskInChunks(bytes, [...bytes.keys()], [secret])).toEqual({ out, masked });
      }),
      { numRuns: 150 },
    );
  });

  it("does not depend on how the stream is cut", () => {
    // Few letters, so that occurrences overlap, touch and nearly match.
    const letters = fc.array(fc.constantFrom("aaaa", "aabb", "b", "abababab", "bbaaaaaaaabb", "\n"), {
      maxLength: 60,
    });
    const secrets = ["aaaaaaaa", "aabbaabb", "abababababab", "bbaaaaaaaabb"];
    fc.assert(
      fc.property(letters, cuts, (parts, places) => {
        const bytes = Buffer.from(parts.join(""));
        const whole = maskInChunks(bytes, [], secrets);
        const single = maskInChunks(bytes, [...bytes.keys()], secrets);
        const cut = maskInChunks(bytes, places, secrets);
        expect(cut).toEqual(whole);
        expect(single).toEqual(whole);
        for (const secret of secrets) expect(whole.out.includes(secret)).toBe(false);
      }),
    );
  });

  it("does not depend on the cut for base64 either, whose neighbouring digits are masked too", () => {
    const secret = "correct horse";
    const other = fc.uint8Array({ minLength: 40, maxLength: 80 });
    fc.assert(
      fc.property(other, other, cuts, (a, b, places) => {
        const text = Buffer.concat([a, Buffer.from(secret), b]).toString("base64");
        const whole = maskInChunks(Buffer.from(text), [], [secret]);
        expect(maskInChunks(Buffer.from(text), places, [secret])).toEqual(whole);
        expect(
          maskInChunks(
            Buffer.from(text),
            [...text].map((_, i) => i),
            [secret],
          ),
        ).toEqual(whole);
        // No digit is left that holds a bit of the secret.
        const start = Math.floor((8 * a.length) / 6);
        const end = Math.ceil((8 * (a.length + secret.length)) / 6);
        expect(whole.out.toString()).toBe(text.slice(0, start) + MASK + text.slice(end));
      }),
    );
  });

  it("leaves everything else byte for byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), cuts, (bytes, places) => {
        const { out, masked } = maskInChunks(Buffer.from(bytes), places, ["not in there at all"]);
        expect(masked).toBe(0);
        expect(out.equals(bytes)).toBe(true);
      }),
    );
  });

  it("writes one mask of fixed length for each occurrence", () => {
    const secrets = ["longer secret value", "password"];
    expect(maskText("a password, a longer secret value.", needlesOf(secrets))).toEqual({
      text: `a ${MASK}, a ${MASK}.`,
      masked: 2,
    });
    expect(maskText("passwordpassword", needlesOf(secrets)).text).toBe(MASK + MASK);
    // Overlapping occurrences are one: neither's rest is left standing.
    expect(maskText("<abcdefghijkl>", needlesOf(["abcdefgh", "efghijkl"])).text).toBe(`<${MASK}>`);
    expect(maskText("<12abcdefgh34>", needlesOf(["12abcdefgh34", "abcdefgh"])).text).toBe(`<${MASK}>`);
  });

  it("masks a value whose file ended in a line break, with and without it", () => {
    const needles = needlesOf(["password-1\n"]);
    expect(maskText("x password-1 y", needles).masked).toBe(1);
    expect(maskText("x password-1\ny", needles).masked).toBe(1);
  });

  it("refuses secrets under eight bytes and does not show them", () => {
    for (const secret of ["", "hunter2", "hunter2\n"]) {
      const error = (() => {
        try {
          return needlesOf(["long enough", secret]);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toMatchObject({
        code: "SECRET_TOO_SHORT",
        message: expect.not.stringContaining("hunter2"),
      });
    }
    expect(needlesOf(["ünïcöd"]).length).toBeGreaterThan(0);
  });

  it("knows a key that was wrapped at another width, and its base64 and hexadecimal", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const needles = needlesOf([key]);
    const body = key.replaceAll(/-----.*-----|\n/g, "");
    const [base64, hex] = (["base64", "hex"] as const).map((form) => Buffer.from(key).toString(form));
    for (const text of [body, base64 ?? "", hex ?? "", hex?.toUpperCase() ?? ""])
      for (const width of [60, 64, 70, 72, 76, 80, 1_000_000]) {
        const lines = text.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
        const left = maskText(lines.join("\n"), needles).text.replaceAll(MASK, "").replaceAll(/\s/g, "");
        // The end of the last line may be too short to be told from what is no secret.
        expect(left.length).toBeLessThan(8);
      }
  });

  it("masks each line of a secret with several, and what frames a key not", () => {
    const key = "-----BEGIN KEY-----\nAAAAsecretline1\r\nBBBBsecretline2\n-----END KEY-----";
    const lines = [
      "-----BEGIN KEY-----",
      "AAAAsecretline1",
      "x BBBBsecretline2",
      "AAAAsecretline1BBBBsecretline2",
    ];
    expect(maskJson(lines, needlesOf([key])).value).toEqual(["-----BEGIN KEY-----", MASK, `x ${MASK}`, MASK]);
  });

  it("masks names, strings and numbers of JSON and leaves it JSON", () => {
    const needles = needlesOf(["12345678", "secret value"]);
    const { value, masked } = maskJson(
      { "secret value": ["a secret value", 12345678, -123456789, true, null], "the secret value": 1, n: 1.5 },
      needles,
    );
    expect(value).toEqual({
      [MASK]: [`a ${MASK}`, MASK, `-${MASK}9`, true, null],
      [`the ${MASK}`]: 1,
      n: 1.5,
    });
    expect(masked).toBe(5);
  });

  it("keeps members whose names become the same", () => {
    const { value } = maskJson(
      { "secret-1": 1, "secret-2": 2, __proto__x: 3 },
      needlesOf(["secret-1", "secret-2"]),
    );
    expect(value).toEqual({ [MASK]: 1, [`${MASK}+`]: 2, __proto__x: 3 });
  });

  it("makes storable what only a foreign parser lets in", () => {
    const foreign = JSON.parse('{"text":"\\ud800","number":1e999,"__proto__":{"polluted":1}}');
    const { value } = maskJson(foreign, []);
    expect(JSON.stringify(value)).toBe('{"text":"\ufffd","number":"Infinity","__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
