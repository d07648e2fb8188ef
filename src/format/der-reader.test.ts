import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { derElement, derInteger, derSequence } from "./der.ts";
import { DerReader, derTags } from "./der-reader.ts";

const reader = (hex: string) => new DerReader(fromHex(hex));
const refused = (read: () => unknown): boolean => {
  try {
    read();
    return false;
  } catch (error) {
    return error instanceof FormatError && error.code === "DER_MALFORMED";
  }
};

describe("a DER reader", () => {
  it("reads what the writer wrote, whatever its length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000, size: "max" }), (content) => {
        fc.pre(content.length < 65_536);
        const written = derSequence(derElement(derTags.octetString, content.subarray(0, 60_000)));
        const outer = new DerReader(written);
        expect(outer.inside(derTags.sequence).element(derTags.octetString).content).toEqual(
          content.subarray(0, 60_000),
        );
        outer.end();
      }),
      { numRuns: 50 },
    );
  });

  it("reads numbers, identifiers, bits and times", () => {
    expect(reader("02017f").count()).toBe(127);
    expect(reader("02020080").count()).toBe(128);
    expect(new DerReader(derInteger(fromHex("ff"))).integer()).toEqual(fromHex("00ff"));
    expect(reader("060b2a864886f70d0109100104").oid()).toBe("1.2.840.113549.1.9.16.1.4");
    expect(reader("0603550408").oid()).toBe("2.5.4.8");
    expect(reader("0303078080").bits().unused).toBe(7);
    const time = (tag: number, text: string) =>
      new DerReader(derElement(tag, new TextEncoder().encode(text))).time();
    expect(time(derTags.utcTime, "491231235959Z")).toBe(Date.parse("2049-12-31T23:59:59Z"));
    expect(time(derTags.utcTime, "500101000000Z")).toBe(Date.parse("1950-01-01T00:00:00Z"));
    expect(time(derTags.generalizedTime, "20240229120000.5Z")).toBe(Date.parse("2024-02-29T12:00:00.500Z"));
    expect(time(derTags.generalizedTime, "20240229120000.000000001Z")).toBe(
      Date.parse("2024-02-29T12:00:00.001Z"),
    );
    for (const text of [
      "20230229120000Z",
      "20240229120000",
      "20240229120000.50Z",
      "20240229120000+0100",
      "20241301000000Z",
    ])
      expect([text, refused(() => time(derTags.generalizedTime, text))]).toEqual([text, true]);
  });

  it.each<[string, string, (of: DerReader) => unknown]>([
    ["a length that is indefinite", "30800000", (of) => of.element()],
    ["a length that could be shorter", "04810100", (of) => of.element()],
    ["a length with a zero before it", "0482008000", (of) => of.element()],
    ["a length of four octets", "048400000001ff", (of) => of.element()],
    ["bytes that end too early", "0402ff", (of) => of.element()],
    ["a tag alone", "04", (of) => of.element()],
    ["an identifier of several octets", "1f8101", (of) => of.element()],
    ["another type", "0400", (of) => of.element(derTags.integer)],
    ["an integer with a zero before it", "0202007f", (of) => of.integer()],
    ["an integer with a sign before it", "0202ff80", (of) => of.integer()],
    ["an integer without bytes", "0200", (of) => of.integer()],
    ["a negative number", "0201ff", (of) => of.count()],
    ["a number too large", "02050100000000", (of) => of.count()],
    ["a boolean that is neither", "010101", (of) => of.boolean()],
    ["a boolean of two octets", "0102ffff", (of) => of.boolean()],
    ["an object identifier that ends too early", "060186", (of) => of.oid()],
    ["one with a zero before an arc", "060355800404", (of) => of.oid()],
    ["one without bytes", "0600", (of) => of.oid()],
    ["bits that are padded with ones", "03020701", (of) => of.bits()],
    ["bits without their count", "0300", (of) => of.bits()],
    ["eight unused bits", "03020800", (of) => of.bits()],
    ["something after the end", "040000", (of) => of.each(1, (one) => one.element())],
    ["more than there may be", "040004000400", (of) => of.each(2, (one) => one.element())],
  ])("refuses %s", (_about, hex, read) => {
    expect(refused(() => read(reader(hex)))).toBe(true);
  });
});
