// What contracts of servers make of refusals, as the real servers give them, and whether the read-back of each write
// tells before from after. That the calls themselves are proof is shown in catalog-live.test.ts.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adapters } from "../src/adapters/all.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import type { Contract } from "../src/contract/contract.ts";
import { classifyError, mapOutputs } from "../src/contract/map-result.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { judgeReadBack } from "../src/contract/read-back.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import type { JsonObject } from "../src/format/json.ts";
import { faultOfRun, resultOf, runAdapter } from "./adapter-call.ts";
import { bind } from "./live/bind.ts";
import { crowdsec } from "./live/crowdsec.ts";
import { etcd } from "./live/etcd.ts";
import type { LiveSystem, RunningSystem } from "./live/live-system.ts";
import { freePort } from "./live/nginx.ts";
import { powerdns } from "./live/powerdns.ts";
import { prometheus } from "./live/prometheus.ts";
import { rspamd } from "./live/rspamd.ts";

const root = join(import.meta.dirname, "..");

function contractOf(id: string): Contract {
  const file = join("catalog", `${id.replace(".", "/")}.yaml`);
  return parseContract(readFileSync(join(root, file), "utf8"), { file });
}

/** Calls a contract's adapter once, without the gates. @param secrets by reference. */
async function call(
  contract: Contract,
  inputs: JsonObject,
  { network }: RunningSystem,
  secrets: Readonly<Record<string, string>>,
) {
  const action = resolveAction(contract, inputs);
  const parameters = evaluateTree(contract.execution.with, ["inputs"], { inputs });
  const adapter = adapters.find(({ id }) => id === contract.execution.adapter);
  if (!action.ok || !parameters.ok || adapter === undefined) throw new Error("the contract does not resolve");
  return runAdapter(adapter, {
    ...network,
    with: parameters.value,
    artifacts: contract.evidence.artifacts.map(({ name }) => name),
    timeoutMs: 20_000,
    endpoints: action.endpoints,
    secrets: (contract.execution.secrets ?? []).map(({ name, ref, into }) => ({
      name,
      into,
      value: secrets[ref] ?? "",
    })),
  });
}

function inputsOf(contract: Contract, given: JsonObject): JsonObject {
  const checked = checkContractInputs(contract, given);
  if (!checked.ok) throw new Error(checked.faults.join("\n"));
  return checked.inputs;
}

/** What the read-back of a write says now. */
async function readBack(contract: Contract, inputs: JsonObject, running: RunningSystem) {
  const { confirm } = contract.execution;
  if (confirm === undefined || confirm === null) throw new Error(`\`${contract.id}\` has no read-back`);
  const reading = contractOf(confirm.uses.replace(/@.*/, ""));
  const given = evaluateTree(confirm.with, ["inputs"], { inputs });
  if (!given.ok) throw new Error(given.message);
  const asked = inputsOf(reading, given.value);
  const result = resultOf(await call(reading, asked, running, running.secrets ?? {}));
  const mapped = mapOutputs(reading, asked, result);
  if (!mapped.ok) throw new Error(JSON.stringify(mapped.faults));
  return judgeReadBack(confirm, inputs, mapped.outputs);
}

/** A call of a contract as in catalog-live.test.ts with other inputs, and the class of error that comes of it. */
type Refusal = readonly [id: string, inputs: JsonObject, errorClass: string];

const cases: readonly { system: LiveSystem; writes: readonly string[]; refusals: readonly Refusal[] }[] = [
  {
    system: prometheus,
    writes: ["alertmanager.silence"],
    refusals: [
      ["prometheus.query", { query: "up)" }, "QUERY_REFUSED"],
      ["alertmanager.silence", { endsAt: "2026-01-01T00:00:00Z" }, "SILENCE_REFUSED"],
    ],
  },
  {
    system: powerdns,
    writes: ["powerdns.block-name"],
    refusals: [["powerdns.block-name", { zone: "nowhere.test" }, "ZONE_UNKNOWN"]],
  },
  {
    system: crowdsec,
    writes: ["crowdsec.block-address"],
    refusals: [],
  },
  { system: rspamd, writes: [], refusals: [] },
  { system: bind, writes: [], refusals: [] },
  { system: etcd, writes: [], refusals: [] },
];

describe.each(cases)("$system.name", ({ system, writes, refusals }) => {
  const missing = system.missing();
  if (missing !== undefined) console.info(missing);
  let running: RunningSystem;
  beforeAll(async () => {
    if (missing === undefined) running = await system.start(tmpdir());
  }, 120_000);
  afterAll(() => running?.close());

  const given = (contract: Contract, more: JsonObject = {}) =>
    inputsOf(contract, { ...running.calls[contract.id]?.inputs, ...more });
  const classOf = async (contract: Contract, inputs: JsonObject, secrets = running.secrets ?? {}) => {
    const { code, phase, message, facts } = faultOfRun(await call(contract, inputs, running, secrets));
    return classifyError(contract, inputs, { ...facts, code, phase, message }).errorClass;
  };

  it.skipIf(missing !== undefined).each(writes)("%s is read back: not there, then there", async (id) => {
    const contract = contractOf(id);
    const inputs = given(contract);
    expect(await readBack(contract, inputs, running)).toBe("failed");
    resultOf(await call(contract, inputs, running, running.secrets ?? {}));
    expect(await readBack(contract, inputs, running)).toBe("executed");
  });

  it.skipIf(missing !== undefined).each(refusals)("%s with %j is %s", async (id, inputs, errorClass) => {
    const contract = contractOf(id);
    expect(await classOf(contract, given(contract, inputs))).toBe(errorClass);
  });

  const guarded = system.contracts.filter((id) => contractOf(id).execution.secrets !== undefined);
  it.skipIf(missing !== undefined).each(guarded)("%s with a wrong secret is AUTH_REJECTED", async (id) => {
    const contract = contractOf(id);
    const refs = (contract.execution.secrets ?? []).map(({ ref }) => ref);
    const wrong = Object.fromEntries(refs.map((ref) => [ref, "watch:wrong-0a1b2c3d"]));
    expect(await classOf(contract, given(contract), wrong)).toBe("AUTH_REJECTED");
  });

  it.skipIf(missing !== undefined).each(system.contracts)(
    "%s on a port where nobody listens is CONNECT_FAILED",
    async (id) => {
      const contract = contractOf(id);
      expect(await classOf(contract, given(contract, { port: await freePort() }))).toBe("CONNECT_FAILED");
    },
  );
});
