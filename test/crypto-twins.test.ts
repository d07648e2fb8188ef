import { describe, expect, it } from "vitest";
import * as browser from "../src/format/crypto.browser.ts";
import * as node from "../src/format/crypto.ts";
import { ownCases, wycheproofCases } from "./fixtures/crypto-cases.ts";
import { differing } from "./fixtures/differing.ts";

// The same names and types: what one twin gains, the other must have.
const twins: Record<string, typeof node> = { "crypto.ts": node, "crypto.browser.ts": browser };

describe.each(Object.entries(twins))("%s", (_name, crypto) => {
  it("answers the project's own cases", async () => {
    expect(await differing(crypto, ownCases())).toEqual([]);
  });

  const cases = wycheproofCases();
  it.skipIf(cases === undefined)("answers every vector of Wycheproof", async () => {
    expect(cases?.length).toBeGreaterThan(600);
    expect(await differing(crypto, cases ?? [])).toEqual([]);
  });
});

it("the twins export the same", () => {
  expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
});
