import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { summarizeContracts } from "./catalog-index.ts";

let root = "";
let file = "";
const index = () => join(root, ".witnessops", "catalog-index.json");
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-index-"));
  mkdirSync(join(root, ".witnessops"));
  file = join(root, "records.yaml");
  copyFileSync(join(import.meta.dirname, "..", "..", "catalog", "dns", "records.yaml"), file);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("gives the same from the index as from the file", () => {
  const first = summarizeContracts(root, [file]);
  expect(first).toMatchObject([{ contract: "dns.records@1.0.0", file: "records.yaml", effect: "read" }]);
  const kept = JSON.parse(readFileSync(index(), "utf8"));
  expect(Object.keys(kept.contracts)).toHaveLength(1);
  expect(summarizeContracts(root, [file])).toEqual(first);
  expect(JSON.parse(readFileSync(index(), "utf8"))).toEqual(kept);
});

it("reads a file anew that changed, and forgets what is gone", () => {
  summarizeContracts(root, [file]);
  writeFileSync(file, readFileSync(file, "utf8").replace("version: 1.0.0", "version: 1.0.1"));
  expect(summarizeContracts(root, [file])[0]?.contract).toBe("dns.records@1.0.1");
  expect(Object.keys(JSON.parse(readFileSync(index(), "utf8")).contracts)).toHaveLength(1);
});

it.each(["", "{", "[]", '{"schema":"witnessops/catalog-index/v0","contracts":{}}', '{"schema":1}'])(
  "does without an index that reads %j",
  (text) => {
    writeFileSync(index(), text);
    expect(summarizeContracts(root, [file])[0]?.contract).toBe("dns.records@1.0.0");
    expect(summarizeContracts(root, [file])[0]?.contract).toBe("dns.records@1.0.0");
  },
);

it("lists a workspace without a place for the index", () => {
  rmSync(join(root, ".witnessops"), { recursive: true });
  expect(summarizeContracts(root, [file])[0]?.contract).toBe("dns.records@1.0.0");
});

it("throws at a contract that cannot be parsed", () => {
  writeFileSync(file, "kind: Contract\n");
  expect(() => summarizeContracts(root, [file])).toThrow(/records\.yaml/);
});
