import { Buffer } from "node:buffer";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

// Hosts that have base64 of their own, and hosts that have not.
describe.each([
  ["by the host's own", false],
  ["without it", true],
])("base64 %s", (_name, isOld) => {
  const native = Object.getOwnPropertyDescriptor(Uint8Array, "fromBase64");
  const back = Object.getOwnPropertyDescriptor(Uint8Array.prototype, "toBase64");

  async function load(): Promise<typeof import("./base64.ts")> {
    vi.resetModules();
    if (isOld) {
      Reflect.deleteProperty(Uint8Array, "fromBase64");
      Reflect.deleteProperty(Uint8Array.prototype, "toBase64");
    }
    return import("./base64.ts");
  }
  afterEach(() => {
    if (native !== undefined) Object.defineProperty(Uint8Array, "fromBase64", native);
    if (back !== undefined) Object.defineProperty(Uint8Array.prototype, "toBase64", back);
  });

  it("is there to be tested", () => {
    expect([native, back]).toEqual([expect.anything(), expect.anything()]);
  });

  it("goes there and back, and is what others write", async () => {
    const { fromBase64, toBase64 } = await load();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect([...fromBase64(text)]).toEqual([...bytes]);
      }),
    );
  });

  it.each([
    ["white space", "YWJj ZGVm"],
    ["a line break at the end", "YWJj\n"],
    ["white space that makes up for padding", "YQ\n\n"],
    ["no padding", "YWI"],
    ["half of its padding", "YQ="],
    ["too much padding", "YWJj===="],
    ["padding alone", "===="],
    ["unused bits that are not zero", "YWJ="],
    ["unused bits that are not zero, in two characters", "YR=="],
    ["the alphabet of addresses", "-_-_"],
    ["one character over", "YWJjY"],
    ["bytes after padding", "YQ==YQ=="],
    ["another character", "YWJ\u0000"],
  ])("refuses %s", async (_what, text) => {
    const { fromBase64 } = await load();
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: "BASE64_MALFORMED" }));
  });

  it("takes one spelling of each byte string", async () => {
    const { fromBase64, toBase64 } = await load();
    const letters = fc.constantFrom(..."AQgwYZ+/=- \n");
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 12 }), (text) => {
        try {
          expect(toBase64(fromBase64(text))).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({ code: "BASE64_MALFORMED" });
        }
      }),
      { numRuns: 3000 },
    );
  });
});
