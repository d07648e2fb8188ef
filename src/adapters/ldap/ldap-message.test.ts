import { describe, expect, it } from "vitest";
import { element, octets, SEQUENCE, SET } from "./ber.ts";
import { decodeEntry } from "./ldap-message.ts";

/** An entry whose attributes have so many empty values each. */
const entryOf = (...counts: number[]) =>
  Buffer.concat([
    octets("dc=x"),
    element(
      SEQUENCE,
      ...counts.map((count) =>
        element(SEQUENCE, octets("a"), element(SET, Buffer.alloc(2 * count, Buffer.from([4, 0])))),
      ),
    ),
  ]);

describe("an entry", () => {
  it("is read with all its values", () => {
    expect(decodeEntry(entryOf(3, 60_000)).attributes.map(({ values }) => values.length)).toEqual([
      3, 60_000,
    ]);
  });

  it.each([[[2_000_000]], [[60_000, 60_000]]])("of %j values is refused", (counts) => {
    expect(() => decodeEntry(entryOf(...counts))).toThrow("more than 100000 elements");
  });
});
