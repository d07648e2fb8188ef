import Type from "typebox";
import { describe, expect, it } from "vitest";
import { memoryCapture, testNetwork } from "../../test/adapter-call.ts";
import type { Contract } from "../contract/contract.ts";
import { contractFromJson } from "../contract/parse-contract.ts";
import type { JsonObject } from "../format/json.ts";
import type { Adapter, AdapterOutcome, Call } from "./adapter.ts";
import type { AttemptRequest } from "./attempt.ts";
import { performAttempt } from "./perform-attempt.ts";
import { retryDelay } from "./retry-delay.ts";

type Execution = Partial<Contract["execution"]>;

function contractWith(execution: Execution = {}, required: string[] = []): Contract {
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: "trial",
    version: "1.0.0",
    title: "Trial",
    purpose: "Tries the wrapper.",
    effect: "read",
    inputs: { type: "object" },
    outputs: { type: "object", required: ["answer"], properties: { answer: { type: "integer" } } },
    errors: [
      { class: "BUSY", side: "external", retryable: true, when: "error.code == 'EBUSY'", meaning: "busy" },
      {
        class: "MINE",
        side: "operator",
        retryable: false,
        when: "error.phase == 'prepare'",
        meaning: "mine",
      },
    ],
    scope: {
      subjects: [{ kind: "host", from: "'a.example'" }],
      endpoints: [],
      actions: ["try"],
      disallowed: ["more"],
    },
    authority: { roles: ["operator"], approval: "none" },
    execution: {
      adapter: "trial",
      with: { value: "inputs.value" },
      outputs: { answer: "result.answer" },
      timeout: "10s",
      idempotency: "safe",
      ...execution,
    },
    evidence: {
      artifacts: ["log", ...required].map((name) => ({
        name,
        mediaType: "text/plain",
        required: required.includes(name),
        sensitivity: "internal" as const,
      })),
      maxBytes: "1MB",
    },
    failure: { onFailure: "stop" },
    boundary: { external: ["all"] },
    attests: "nothing",
    doesNotAttest: "anything",
  };
}

function adapterThat(run: (call: Call) => Promise<AdapterOutcome>): Adapter {
  const parameters = Type.Object(
    { value: Type.Integer(), key: Type.Optional(Type.String()) },
    { additionalProperties: false },
  );
  return { id: "trial", version: "1.0.0", egress: "guarded", isolation: "in-process", parameters, run };
}

function attempt(run: (call: Call) => Promise<AdapterOutcome>, changes: Partial<AttemptRequest> = {}) {
  const capture = memoryCapture(["log", "extra"], 100);
  const request: AttemptRequest = {
    adapter: adapterThat(run),
    contract: contractWith(),
    inputs: { value: 7 },
    idempotencyKey: "key-1",
    timeoutMs: 2000,
    network: testNetwork({}),
    capture,
    secrets: new Map(),
    root: "/",
    signal: new AbortController().signal,
    ...changes,
  };
  return performAttempt(request).then((outcome) => ({ outcome, stored: capture.stored[0] as JsonObject }));
}

const ok = (answer: number): AdapterOutcome => ({ ok: true, result: { answer } });
const fail = (code: string, phase: string, facts: JsonObject = {}): AdapterOutcome => ({
  ok: false,
  fault: { code, phase, message: "it went wrong", facts },
});
const never = () => new Promise<AdapterOutcome>(() => undefined);

describe("performAttempt", () => {
  it("maps the stored result to outputs", async () => {
    const { outcome, stored } = await attempt(async (call) => ok(Number(call.with.value) + 1));
    expect(outcome).toEqual({ exit: "executed", outputs: { answer: 8 }, retryable: false });
    expect(stored).toEqual({ schema: "witnessops/result/v1", result: { answer: 8 } });
  });

  it("maps what capture masked, not what the adapter gave", async () => {
    const capture = memoryCapture([]);
    const masking = { ...capture, finished: [], putResult: async () => ({ result: { answer: 1 } }) };
    const { outcome } = await attempt(async () => ok(2), { capture: masking });
    expect(outcome.outputs).toEqual({ answer: 1 });
  });

  it("gives the idempotency key to `execution.with`, and leaves out what is null", async () => {
    const given = { with: { value: "inputs.value", key: "idempotencyKey" } };
    const contract = contractFromJson(JSON.parse(JSON.stringify(contractWith(given))));
    const seen: JsonObject[] = [];
    const note = async (call: Call) => {
      seen.push(call.with);
      return ok(1);
    };
    await attempt(note, { contract });
    await attempt(note, { contract: contractWith({ with: { value: "inputs.value", key: null } }) });
    expect(seen).toEqual([{ value: 7, key: "key-1" }, { value: 7 }]);
  });

  it.each([
    ["an expression that fails", { value: "inputs.missing" }],
    ["a parameter of the wrong type", { value: "'text'" }],
    ["an unknown parameter", { value: "1", other: "2" }],
  ])("does not call the adapter with %s", async (_what, withTree) => {
    let called = false;
    const run = async () => {
      called = true;
      return ok(1);
    };
    const { outcome, stored } = await attempt(run, { contract: contractWith({ with: withTree }) });
    expect(called).toBe(false);
    expect(outcome).toMatchObject({ exit: "failed", errorClass: "MINE", side: "operator" });
    expect(stored.error).toMatchObject({ code: "PARAMETERS_INVALID", phase: "prepare" });
  });

  it("refuses outputs that do not fit", async () => {
    const { outcome } = await attempt(async () => ({ ok: true, result: { answer: "no number" } }));
    expect(outcome).toMatchObject({
      exit: "failed",
      errorClass: "OUTPUT_CONTRACT_VIOLATION",
      side: "external",
    });
    expect(outcome.message).toContain("answer");
  });

  it("does not count a result without its required artifacts", async () => {
    const contract = contractWith({}, ["extra"]);
    const { outcome, stored } = await attempt(async () => ok(1), { contract });
    expect(outcome).toMatchObject({ exit: "failed", errorClass: "EVIDENCE_INCOMPLETE" });
    expect(stored.error).toMatchObject({ missing: ["extra"] });
  });

  it("counts a size bound even when the adapter swallows it", async () => {
    const { outcome } = await attempt(async ({ capture }) => {
      const writer = capture.open("log", { source: "test" });
      await writer.write(new Uint8Array(101)).catch(() => undefined);
      return ok(1);
    });
    expect(outcome.errorClass).toBe("SIZE_EXCEEDED");
  });

  it("outlives an adapter that ignores its deadline, and takes its powers away", async () => {
    let late: Call | undefined;
    const started = performance.now();
    const { outcome } = await attempt(
      (call) => {
        late = call;
        return never();
      },
      { timeoutMs: 50 },
    );
    expect(performance.now() - started).toBeLessThan(2000);
    expect(outcome).toMatchObject({ exit: "failed", errorClass: "TIMEOUT" });
    expect(() => late?.capture.open("log", { source: "late" })).toThrow("the attempt has ended");
    await expect(
      late?.network.connect({ host: "127.0.0.1", port: 1, signal: new AbortController().signal }),
    ).rejects.toThrow("the attempt is over");
  });

  it("takes no answer that comes after the deadline", async () => {
    const late = async ({ signal }: Call) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return ok(1);
    };
    expect((await attempt(late, { timeoutMs: 30 })).outcome.errorClass).toBe("TIMEOUT");
  });

  it("says whether the deadline or somebody ended it", async () => {
    const { stored } = await attempt(never, { signal: AbortSignal.timeout(20) });
    expect(stored.error).toMatchObject({ code: "CANCELLED" });
  });

  it("takes an exception for a defect, not for the end of the world", async () => {
    const { outcome, stored } = await attempt(async () => {
      throw new TypeError("oops");
    });
    expect(outcome).toMatchObject({ exit: "failed", errorClass: "UNDECLARED_ERROR" });
    expect(stored.error).toMatchObject({ code: "ADAPTER_DEFECT", message: "oops" });
  });

  it("records a result that has no canonical form as a fault", async () => {
    const { outcome, stored } = await attempt(async () => ({ ok: true, result: { answer: Number.NaN } }));
    expect(stored.error).toMatchObject({ code: "VALUE_NOT_JSON" });
    expect(outcome.exit).toBe("failed");
  });

  it("records a fault in the place of a result that is too large", async () => {
    const memory = memoryCapture([]);
    const putResult = async (value: JsonObject) => {
      if ("result" in value) throw Object.assign(new Error("large"), { code: "RESULT_TOO_LARGE" });
      return memory.putResult(value);
    };
    const { outcome } = await attempt(async () => ok(1), { capture: { ...memory, finished: [], putResult } });
    expect(outcome).toMatchObject({ exit: "failed", errorClass: "SIZE_EXCEEDED" });
  });

  it("lets a fault of the storage through", async () => {
    const full = Object.assign(new Error("disk full"), { code: "STORAGE_FULL" });
    const capture = { ...memoryCapture([]), finished: [], putResult: () => Promise.reject(full) };
    await expect(attempt(async () => ok(1), { capture })).rejects.toBe(full);
  });

  const retry = { attempts: 3, backoff: "fixed" as const, on: ["BUSY"] };

  it("permits another attempt as the contract says", async () => {
    const { outcome } = await attempt(async () => fail("EBUSY", "response", { retryAfterMs: 1500 }), {
      contract: contractWith({ retry }),
    });
    expect(outcome).toMatchObject({ errorClass: "BUSY", retryable: true, retryAfterMs: 1500 });
    const unlisted = await attempt(async () => fail("EBUSY", "response"));
    expect(unlisted.outcome).toMatchObject({ errorClass: "BUSY", retryable: false });
  });

  it("does not try an unsafe action again once it may have been sent", async () => {
    const contract = contractWith({ retry, idempotency: "unsafe" });
    const sent = await attempt(async () => fail("EBUSY", "response"), { contract });
    const unsent = await attempt(async () => fail("EBUSY", "connect"), { contract });
    expect([sent.outcome.retryable, unsent.outcome.retryable]).toEqual([false, true]);
  });
});

describe("retryDelay", () => {
  const contract = (backoff: "none" | "fixed" | "exponential") =>
    contractWith({ retry: { attempts: 10, backoff, on: ["BUSY"] } });

  it("follows the backoff", () => {
    expect([1, 2, 3, 9].map((n) => retryDelay(contract("exponential"), n))).toEqual([
      500, 1000, 2000, 30_000,
    ]);
    expect([1, 2].map((n) => retryDelay(contract("fixed"), n))).toEqual([1000, 1000]);
    expect(retryDelay(contract("none"), 1)).toBe(0);
  });

  it("ends with the attempts", () => {
    expect(retryDelay(contract("none"), 10)).toBeUndefined();
    expect(retryDelay(contractWith(), 1)).toBeUndefined();
  });

  it("honours Retry-After up to the contract's deadline", () => {
    expect(retryDelay(contract("fixed"), 1, 4000)).toBe(4000);
    expect(retryDelay(contract("fixed"), 1, 10)).toBe(1000);
    expect(retryDelay(contract("fixed"), 1, 10_001)).toBeUndefined();
  });
});
