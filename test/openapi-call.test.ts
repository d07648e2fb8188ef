// An operation of an OpenAPI description as a contract: drafted, decided by a person, called through the gates, verified;
// an answer that does not fit is a receipt too, and a secret that the service tells back is nowhere.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openapi } from "../src/adapters/openapi/openapi-adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import { describeOperations, selectOperations } from "../src/contract/openapi/describe-operations.ts";
import { draftOpenapiContract } from "../src/contract/openapi/draft-openapi-contract.ts";
import { readDescription } from "../src/contract/openapi/read-description.ts";
import { sliceOperation } from "../src/contract/openapi/slice-operation.ts";
import { contractFromJson } from "../src/contract/parse-contract.ts";
import { digestOf, hexOf } from "../src/format/digest.ts";
import type { JsonObject } from "../src/format/json.ts";
import { advance } from "../src/run/advance.ts";
import { stepOf } from "./fixtures/check-bundle.ts";
import { exampleRunbook } from "./fixtures/contracts.ts";
import { petstore, petstoreYaml } from "./fixtures/petstore.ts";
import { exported, judge, open, start, VALID, verdict } from "./fixtures/real-run.ts";
import { type LocalServer, startHttp } from "./local-servers.ts";

const SECRET = "s3cr3t-token-0b5e";
const description = describeOperations(readDescription(petstoreYaml));
let server: LocalServer;
beforeAll(async () => {
  server = await startHttp(petstore);
});
afterAll(() => server.close());

function sliced() {
  const [listed] = selectOperations(description, ["getPet"]);
  if (listed === undefined) throw new Error("there is no operation");
  return sliceOperation(description, listed);
}

/** The draft, with every decision made, and a token. */
function decided(): Contract {
  const { operation, digest } = sliced();
  const draft = draftOpenapiContract(operation, {
    system: "pets",
    name: "get-pet",
    operation: digest,
    description: digestOf(petstoreYaml),
    server: `http://127.0.0.1:${server.port}/v1`,
  });
  const into = { kind: "header", name: "authorization", scheme: "bearer" };
  const secrets = [{ name: "token", ref: "env:PETS_TOKEN", into }];
  const execution = { ...(draft.execution as JsonObject), secrets };
  const text = JSON.stringify({ ...draft, execution, effect: "read" })
    .replace(/"decide: what the call is about[^"]*"/, `"'www.example.test'"`)
    .replace(/"decide: safe, idempotent or unsafe"/, '"safe"')
    .replace('"approval":"designated"', '"approval":"none"')
    .replace(/decide: /g, "");
  return contractFromJson(JSON.parse(text));
}

async function call(petId: string, keep = true) {
  const { bytes, digest } = sliced();
  const test = await open([decided()], [openapi]);
  mkdirSync(join(test.folder, "operations"));
  if (keep) writeFileSync(join(test.folder, "operations", `${hexOf(digest)}.json`), bytes);
  const lane = { ...test.lane, resolveSecret: async () => ({ ok: true as const, value: SECRET }) };
  const step = { id: "get", uses: "pets.get-pet@1.0.0", with: { petId: `'${petId}'` } };
  const run = await start(test, exampleRunbook({ steps: [step] }));
  await advance(lane, run);
  const report = await judge(test, [run], lane);
  expect(verdict(report)).toEqual(VALID);
  const files = await exported(lane, [run]);
  return {
    step: stepOf(report, "get"),
    files: [...files.values()].map((file) => Buffer.from(file).toString("latin1")),
    bytes,
  };
}

describe("an operation of an OpenAPI description", () => {
  it("is called as it was reviewed, and its description is part of the proof", async () => {
    const { step, files, bytes } = await call("p1");
    expect(step).toMatchObject({
      outcome: "executed",
      proofClass: "strong-proof",
      observed: { outputs: { status: 200, body: { id: "p1", name: "Pet 1" } } },
    });
    expect(files).toContain(Buffer.from(bytes).toString("latin1"));
  });

  it("that answers what does not fit is `OUTPUT_CONTRACT_VIOLATION`, verified like any end", async () => {
    expect((await call("wrong")).step).toMatchObject({
      outcome: "failed",
      errorClass: "OUTPUT_CONTRACT_VIOLATION",
    });
    expect((await call("nobody")).step).toMatchObject({ outcome: "failed", errorClass: "NOT_FOUND" });
    expect((await call("busy")).step).toMatchObject({ outcome: "failed", errorClass: "RATE_LIMITED" });
  });

  it("whose pinned file is missing is not called", async () => {
    const before = server.accepted();
    expect((await call("p1", false)).step).toMatchObject({
      outcome: "failed",
      errorClass: "DEFINITION_CHANGED",
    });
    expect(server.accepted()).toBe(before);
  });

  it("that tells a secret back leaves it in no file of the bundle", async () => {
    const { step, files } = await call("echo");
    expect(step).toMatchObject({ outcome: "executed" });
    expect(files.some((file) => file.includes("you sent"))).toBe(true);
    expect(files.some((file) => file.includes(SECRET))).toBe(false);
  });
});
