import { describe, expect, it } from "vitest";
import { readPairs } from "./read-input.ts";

const schema = {
  properties: {
    target: { type: "string" },
    port: { type: "integer" },
    ports: { type: "array" },
    any: { type: ["string", "null"] },
  },
};

describe("inputs on the command line", () => {
  it("keeps strings as they are and reads the rest as JSON", () => {
    expect(readPairs(["target=12", "port=443", "ports=[22,80]", "any=null", "unknown=x=y"], schema)).toEqual({
      target: "12",
      port: 443,
      ports: [22, 80],
      any: "null",
      unknown: "x=y",
    });
  });

  it("tells every fault at once", () => {
    expect(() => readPairs(["target", "port=x", "ports=[22", "port=1", "port=2"], schema)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        faults: [expect.anything(), expect.anything(), expect.anything()],
      }),
    );
  });

  it("is not reached by members of Object's prototype", () => {
    expect(Object.keys(readPairs(["constructor=x", "toString=y", "__proto__=z"], schema))).toEqual([
      "constructor",
      "toString",
      "__proto__",
    ]);
  });
});
