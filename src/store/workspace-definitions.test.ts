import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOfDocument } from "../contract/digest-document.ts";
import { openDefinitions, type WorkspaceDefinitions } from "./workspace-definitions.ts";

const project = join(import.meta.dirname, "..", "..");
const root = mkdtempSync(join(tmpdir(), "definitions-"));
let definitions: WorkspaceDefinitions;

const principal = (id: string): string => `
apiVersion: witnessops/v1
kind: Principal
id: ${id}
type: human
name: ${id}
roles: [operator]
keys: []
`;

beforeAll(() => {
  for (const folder of ["catalog", "runbooks", "policies"])
    cpSync(join(project, folder), join(root, folder), { recursive: true });
  mkdirSync(join(root, "principals"));
  for (const id of ["zoe", "ana"]) writeFileSync(join(root, "principals", `${id}.yaml`), principal(id));
  writeFileSync(
    join(root, "witnessops.yaml"),
    "apiVersion: witnessops/v1\nkind: Workspace\nname: test\nowner: ana\n",
  );
  definitions = openDefinitions(root, { cedarLanguageVersion: "4.5" });
});
afterAll(() => rmSync(root, { recursive: true }));

describe("workspace definitions", () => {
  it("finds a contract by reference, wherever its file lies", () => {
    const { contract, digest } = definitions.contract("tls.inspect@1.0.0");
    expect(contract.id).toBe("tls.inspect");
    expect(digest).toBe(digestOfDocument(contract));

    mkdirSync(join(root, "catalog", "deep", "er"), { recursive: true });
    const text = readFileSync(join(root, "catalog/tls/inspect.yaml"), "utf8").replace(
      "version: 1.0.0",
      "version: 2.0.0",
    );
    writeFileSync(join(root, "catalog/deep/er/any.yaml"), text);
    expect(definitions.contract("tls.inspect@2.0.0").contract.version).toBe("2.0.0");
    expect(definitions.contract("tls.inspect@1.0.0").contract.version).toBe("1.0.0");
  });

  it("does not parse the contracts that nobody asked for", () => {
    writeFileSync(join(root, "catalog", "broken.yaml"), "id: broken\nversion: 1.0.0\n  : [");
    expect(definitions.contract("dns.query@1.0.0").contract.id).toBe("dns.query");
    expect(() => definitions.contract("broken@1.0.0")).toThrow(
      expect.objectContaining({ code: "DOCUMENT_MALFORMED" }),
    );
    expect(() => definitions.contracts()).toThrow(
      expect.objectContaining({ subject: "catalog/broken.yaml" }),
    );
    rmSync(join(root, "catalog", "broken.yaml"));
  });

  it("is not deceived by a file that says another id inside a text", () => {
    const text = readFileSync(join(root, "catalog/dns/query.yaml"), "utf8");
    const deceiving = text
      .replace(/^id: .*$/m, "id: other")
      .replace(/^/, "purposes: |\nid: dns.fake\nversion: 1.0.0\n");
    writeFileSync(join(root, "catalog/aaa.yaml"), deceiving);
    expect(() => definitions.contract("dns.fake@1.0.0")).toThrow();
    rmSync(join(root, "catalog/aaa.yaml"));
  });

  it("reads runbooks by id and by path, and says when two claim one id", () => {
    expect(definitions.runbook("exposure-check").id).toBe("exposure-check");
    expect(definitions.runbook(join(root, "runbooks/exposure-check.yaml")).id).toBe("exposure-check");
    expect(() => definitions.runbook("nosuch")).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    cpSync(join(root, "runbooks/exposure-check.yaml"), join(root, "runbooks/copy.yaml"));
    expect(() => definitions.runbook("exposure-check")).toThrow(
      expect.objectContaining({ code: "AMBIGUOUS" }),
    );
    rmSync(join(root, "runbooks/copy.yaml"));
  });

  it("sorts principals by id, so that the set has one digest", () => {
    expect(definitions.principals().principals.map(({ id }) => id)).toEqual(["ana", "zoe"]);
  });

  it("takes each policy by its file's name and records the language", () => {
    const { policies, language, schema } = definitions.policies();
    expect(Object.keys(policies)).toContain("operators-may-invoke");
    expect(language).toEqual({ name: "cedar", version: "4.5" });
    expect(schema).toContain("entity");
  });

  it("says what is missing", () => {
    expect(() => definitions.lock()).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    expect(() => definitions.engagement("acme")).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    expect(definitions.authorization("acme")).toBeUndefined();
  });

  it("refuses a document over 1 MiB unread", () => {
    writeFileSync(join(root, "witnessops.yaml"), `#${"x".repeat(1024 * 1024)}\n`);
    expect(() => definitions.workspace()).toThrow(expect.objectContaining({ code: "DOCUMENT_TOO_LARGE" }));
  });
});
