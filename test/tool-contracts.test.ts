// The contracts of tools where nothing goes well, as the real tools behave then: which class an error gets, held by the
// kernel or not. Their good side is in catalog-live.test.ts.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needProgram } from "../scripts/need-program.ts";
import { exec } from "../src/adapters/exec/exec-adapter.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import { classifyError, mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import type { JsonObject } from "../src/format/json.ts";
import { runAdapter } from "./adapter-call.ts";
import { freePort } from "./live/nginx.ts";
import { type LocalServer, startTcp } from "./local-servers.ts";

const folder = mkdtempSync(join(tmpdir(), "witnessops-tools-"));
const noSandbox =
  process.platform === "linux"
    ? (needProgram("bwrap", "bubblewrap") ?? needProgram("ip", "iproute2"))
    : "skipped: needs Linux";
const modes = noSandbox === undefined ? [false, true] : [false];
const tools = [
  ["sslscan", "sslscan"],
  ["ssh-audit", "ssh-audit"],
  ["yara", "yara"],
  ["clamscan", "clamav"],
  ["exiftool", "libimage-exiftool-perl"],
] as const;
const missing = tools.map(([tool, from]) => needProgram(tool, from)).find((one) => one !== undefined);
for (const one of [noSandbox, missing]) if (one !== undefined) console.info(one);

let talker: LocalServer;
let closed: number;
beforeAll(async () => {
  talker = await startTcp((socket) => socket.end("HTTP/1.0 400 Bad Request\r\n\r\n"));
  closed = await freePort();
  mkdirSync(join(folder, "tree"));
  writeFileSync(join(folder, "rules.yar"), 'rule Marker { strings: $a = "marker" condition: $a }\n');
  writeFileSync(join(folder, "broken.yar"), "rule Broken {\n");
  writeFileSync(join(folder, "include.yar"), 'include "./rules.yar"\n');
  writeFileSync(join(folder, "marker.ndb"), `Marker:0:*:${Buffer.from("marker").toString("hex")}\n`);
  writeFileSync(join(folder, "broken.ndb"), "garbage\n");
  writeFileSync(join(folder, "tree/plain.txt"), "nothing\n");
  writeFileSync(join(folder, "tree/empty"), "");
  writeFileSync(join(folder, "outside.txt"), "marker\n");
  symlinkSync(join(folder, "outside.txt"), join(folder, "tree/link"));
  symlinkSync("/etc/passwd", join(folder, "passwd"));
});
afterAll(async () => {
  await talker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The outputs of a call, or the class of its error. */
async function call(id: string, given: JsonObject, isolated: boolean): Promise<JsonObject | string> {
  const file = join(import.meta.dirname, "..", "catalog", `${id.replace(".", "/")}.yaml`);
  const contract = parseContract(readFileSync(file, "utf8"), { file });
  const checked = checkContractInputs(contract, given);
  if (!checked.ok) return checked.faults.join("\n");
  const { inputs } = checked;
  const action = resolveAction(contract, inputs);
  const parameters = evaluateTree(contract.execution.with, ["inputs"], { inputs });
  if (!action.ok || !parameters.ok) throw new Error("the contract does not fit its inputs");
  const { outcome } = await runAdapter(exec, {
    with: parameters.value,
    artifacts: ["stdout", "stderr"],
    root: folder,
    endpoints: action.endpoints,
    timeoutMs: 20_000,
    isolated,
  });
  if (!outcome.ok) {
    const { facts, ...fault } = outcome.fault;
    return classifyError(contract, inputs, { ...fault, ...facts }).errorClass;
  }
  const mapped = mapOutputs(contract, inputs, outcome.result);
  return mapped.ok ? mapped.outputs : "OUTPUT_CONTRACT_VIOLATION";
}

describe.skipIf(missing !== undefined).each(modes)("isolated: %s", (isolated) => {
  it("sslscan, of nobody, and of somebody who speaks no TLS", async () => {
    const at = { host: "127.0.0.1" };
    expect(await call("sslscan.endpoint", { ...at, port: closed }, isolated)).toBe(
      "OUTPUT_CONTRACT_VIOLATION",
    );
    expect(await call("sslscan.endpoint", { ...at, port: talker.port }, isolated)).toMatchObject({
      protocols: [],
      cipherSuites: [],
      certificate: null,
    });
  });

  it("ssh-audit, of nobody, and of somebody who speaks no SSH", async () => {
    for (const port of [closed, talker.port])
      expect(await call("sshaudit.endpoint", { host: "127.0.0.1", port }, isolated)).toBe("NO_SSH_SERVER");
  });

  it("yara, with rules and files that it cannot read", async () => {
    const scan = (rules: string, path: string) => call("yara.scan-file", { rules, path }, isolated);
    expect(await scan("broken.yar", "tree/plain.txt")).toBe("NOT_SCANNED");
    expect(await scan("rules.yar", "nothing.txt")).toBe("TOOL_MISSING");
    expect(await scan("rules.yar", "passwd")).toBe("TOOL_MISSING");
    expect(await scan("rules.yar", "tree/plain.txt")).toMatchObject({ matched: false, matches: [] });
    if (isolated) expect(await scan("include.yar", "tree/plain.txt")).toBe("NOT_SCANNED");
    const all = (path: string) => call("yara.scan-folder", { rules: "rules.yar", path }, isolated);
    // Only the link in it leads to what matches.
    expect(await all("tree")).toMatchObject({ matched: false, matches: [] });
    expect(await all("nowhere")).toBe(isolated ? "ISOLATION_FAILED" : "NOT_SCANNED");
  });

  it("clamscan, with a database and files that it cannot read, and an empty one", async () => {
    const scan = (database: string, path: string) => call("clamav.scan-file", { database, path }, isolated);
    expect(await scan("broken.ndb", "tree/plain.txt")).toBe("NOT_SCANNED");
    expect(await scan("marker.ndb", "nothing.txt")).toBe("TOOL_MISSING");
    expect(await scan("marker.ndb", "tree/empty")).toMatchObject({ infected: false, scanned: false });
    expect(await scan("marker.ndb", "tree/plain.txt")).toMatchObject({ infected: false, scanned: true });
    const all = (path: string) => call("clamav.scan-folder", { database: "marker.ndb", path }, isolated);
    expect(await all("tree")).toMatchObject({ infected: false, found: [], infectedFiles: 0 });
    expect(await all("nowhere")).toBe(isolated ? "ISOLATION_FAILED" : "NOT_SCANNED");
  });

  it("exiftool, of files that are empty, unknown or elsewhere", async () => {
    const read = (path: string) => call("exiftool.metadata", { path }, isolated);
    expect(await read("tree/empty")).toBe("NOT_RECOGNIZED");
    expect(await read("passwd")).toBe("TOOL_MISSING");
    expect(await read("tree/plain.txt")).toMatchObject({ fileType: "TXT", hasPlace: false, software: [] });
  });

  it("none of them, with what could be an option or lead out", async () => {
    expect(await call("exiftool.metadata", { path: "-config" }, isolated)).toContain("path");
    for (const path of ["..", "tree/../..", ".", "/etc", ".witnessops"]) {
      expect(await call("yara.scan-folder", { rules: "rules.yar", path }, isolated)).toContain("path");
      expect(await call("clamav.scan-folder", { database: "marker.ndb", path }, isolated)).toContain("path");
    }
    expect(await call("sslscan.endpoint", { host: "--targets=x" }, isolated)).toContain("host");
    expect(await call("yara.scan-file", { rules: "-C", path: "tree/plain.txt" }, isolated)).toContain(
      "rules",
    );
  });
});
