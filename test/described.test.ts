// What `checked: schema` rests on: pinned operations that are all there and nobody else's, and a server made from them
// that refuses what they do not describe, and whose answers are refused when they do not fit.
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openapi } from "../src/adapters/openapi/openapi-adapter.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import { referenceOf } from "../src/contract/contract.ts";
import { mapOutputs } from "../src/contract/map-result.ts";
import { pinnedOperation } from "../src/contract/openapi/draft-openapi-contract.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { judgeReadBack } from "../src/contract/read-back.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import { digestOf } from "../src/format/digest.ts";
import type { JsonObject } from "../src/format/json.ts";
import { faultOfRun, resultOf, runAdapter } from "./adapter-call.ts";
import { samples } from "./catalog-samples.ts";
import { okta } from "./live/described-okta.ts";
import { type Described, describedSystem } from "./live/described-system.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const pinning = globSync("catalog/*/*.yaml", { cwd: root })
  .map((file) => parseContract(read(file), { file }))
  .filter(({ execution }) => execution.adapter === "openapi");

describe("operations that contracts of the catalog pin", () => {
  it("are what their names say, and there are no others", () => {
    const files = readdirSync(join(root, "operations")).sort();
    expect(files).toEqual(
      [...new Set(pinning.map((one) => `${pinnedOperation(one)?.slice("sha256:".length)}.json`))].sort(),
    );
    for (const file of files)
      expect(`${digestOf(readFileSync(join(root, "operations", file))).slice(7)}.json`).toBe(file);
  });

  it("come from descriptions whose source is told", () => {
    const sources = read("catalog/SOURCES.md");
    for (const { id, execution } of pinning) {
      const digest = String(Reflect.get(execution.with, "description")).replaceAll("'", "");
      const [system] = id.split(".");
      const row = sources.split("\n").find((line) => line.startsWith(`| \`${system}.*\` |`));
      expect(row).toContain(digest.slice("sha256:".length));
    }
  });
});

describe("what is changed by a contract of a description", () => {
  const changing = pinning.filter(({ effect }) => effect !== "read");

  it("is always read back", () => {
    expect(changing.length).toBeGreaterThan(6);
    for (const { execution } of changing) expect(execution.confirm).toBeDefined();
  });

  it.each(changing.map(({ id }) => id))("%s is told apart from what did not happen", (id) => {
    const contract = pinning.find((one) => one.id === id);
    const confirm = contract?.execution.confirm;
    const back = pinning.find((one) => referenceOf(one) === confirm?.uses);
    const [own] = samples[id] ?? [];
    if (contract === undefined || !confirm || back === undefined || own === undefined)
      throw new Error(`${id} is read back by nothing`);
    const found = (samples[back.id] ?? []).map(({ inputs, result }) => {
      const mapped = mapOutputs(back, inputs, result);
      return mapped.ok ? judgeReadBack(confirm, own.inputs, mapped.outputs) : undefined;
    });
    expect(found.sort()).toEqual(["executed", "failed"]);
  });
});

/** Calls a contract's adapter once, with the inputs of its described call. */
async function call(of: Described, id: string, options: { token?: string; query?: JsonObject } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-described-"));
  const running = await describedSystem(of).start(folder);
  try {
    const contract = pinning.find((one) => one.id === id);
    const inputs = running.calls[id]?.inputs;
    if (contract === undefined || inputs === undefined) throw new Error(`there is no ${id}`);
    const checked = checkContractInputs(contract, inputs);
    if (!checked.ok) throw new Error(checked.faults.join("\n"));
    const tree = evaluateTree(contract.execution.with, ["inputs"], { inputs: checked.inputs });
    const action = resolveAction(contract, checked.inputs);
    if (!tree.ok || !action.ok) throw new Error("it cannot be resolved");
    const given = { ...tree.value, ...(options.query === undefined ? {} : { query: options.query }) };
    const secrets = (contract.execution.secrets ?? []).map(({ name, ref, into }) => ({
      name,
      into,
      value: options.token ?? running.secrets?.[ref] ?? "",
    }));
    return await runAdapter(openapi, {
      with: given as JsonObject,
      endpoints: action.endpoints,
      include: [`host:${of.host}`, "cidr:127.0.0.0/8"],
      secrets,
      root: folder,
      ...running.network,
    });
  } finally {
    await running.close();
    rmSync(folder, { recursive: true });
  }
}

describe("a server made from a description", () => {
  /** Okta's, with another answer about a user. */
  const answering = (over: JsonObject): Described => ({
    ...okta,
    calls(port) {
      const calls = okta.calls(port);
      const user = calls["okta.user"];
      if (user === undefined) throw new Error("there is no `okta.user`");
      return { ...calls, "okta.user": { ...user, over } };
    },
  });

  it("answers what fits", async () => {
    expect(resultOf(await call(okta, "okta.user"))).toMatchObject({
      status: 200,
      body: { status: "SUSPENDED" },
    });
  });

  it.each([{ status: "GONE" }, { lastLogin: 5 }, { profile: [] }])("is caught at %j", async (over) => {
    expect(faultOfRun(await call(answering(over), "okta.user"))).toMatchObject({
      code: "OUTPUT_CONTRACT_VIOLATION",
    });
  });

  it("asks for the credential", async () => {
    expect(faultOfRun(await call(okta, "okta.user", { token: "SSWS another" }))).toMatchObject({
      code: "HTTP_STATUS",
      facts: { status: 401 },
    });
  });

  it("is not sent what the description does not have", async () => {
    const query = { since: "2026-01-01T00:00:00Z", everything: true };
    expect(faultOfRun(await call(okta, "okta.system-log", { query }))).toMatchObject({
      code: "PARAMETERS_INVALID",
    });
  });
});
