import { expect, it } from "vitest";
import { exampleContract } from "../../test/fixtures/contracts.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import { historyOf, versionsIn, versionText } from "./contract-history.ts";

const first = { ...exampleContract(), id: "acme.thing", version: "1.0.0" };
const second = { ...first, version: "1.10.0", effect: "write" as const };
const middle = { ...first, version: "1.9.0" };
const lock = {
  apiVersion: "witnessops/v1" as const,
  kind: "CatalogLock" as const,
  contracts: {
    "acme.thing@1.0.0": digestOfDocument(first),
    "acme.thing@1.9.0": `sha256:${"0".repeat(64)}`,
  },
};

it("tells versions by number, each with what changed since the one before", () => {
  const versions = versionsIn([second, middle, first, { ...first, id: "acme.other" }], "acme.thing");
  expect(historyOf(versions, lock).map(versionText)).toEqual([
    "1.0.0 (locked)",
    "1.9.0 (changed): nothing changed in the boundary",
    "1.10.0 (not locked): effect raised from read to write (breaking)",
  ]);
});

it("says nothing of changes since a version whose text nobody has", () => {
  const gone = { reference: "acme.thing@0.9.0", digest: "sha256:0", published: "2026-01-02T03:04:05Z" };
  const history = historyOf([...versionsIn([first], "acme.thing"), gone], lock);
  expect(history.map(versionText)).toEqual([
    "0.9.0 (not locked, published 2026-01-02T03:04:05Z)",
    "1.0.0 (locked)",
  ]);
});

it("takes the first of one version", () => {
  const known = { reference: "acme.thing@1.0.0", digest: digestOfDocument(first) };
  const history = historyOf([{ ...known, published: "2026-01-02T03:04:05Z" }, known], undefined);
  expect(history).toEqual([
    {
      contract: known.reference,
      digest: known.digest,
      lock: "not locked",
      published: "2026-01-02T03:04:05Z",
    },
  ]);
});
