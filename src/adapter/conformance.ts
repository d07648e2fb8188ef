import assert from "node:assert/strict";
import type { Given } from "../contract/awaited-result.ts";
import type { CaptureSession } from "../contract/capture.ts";
import type { Contract } from "../contract/contract.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import type { JsonObject } from "../format/json.ts";
import type { Adapter } from "./adapter.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { NetworkSession } from "./network.ts";
import { performAttempt } from "./perform-attempt.ts";

/** A world for one attempt: a real server, a real program, a real file. */
export interface Scenario {
  /** What the adapter is called with. */
  readonly with: JsonObject;
  readonly network: NetworkSession;
  readonly root: string;
  /** What the call waited for and was given; of adapters that wait. */
  readonly given?: Given;
  /** What the attempt left behind: connections or processes. Absent when there can be none. */
  readonly leftovers?: () => number | Promise<number>;
}

/** A capture whose contents the suite can look at. */
export interface InspectableCapture extends CaptureSession {
  readonly artifacts: ReadonlyMap<string, Uint8Array>;
  /** What `putResult` was given. */
  readonly stored: readonly JsonObject[];
}

/** What the suite needs to try an adapter. A scenario that cannot be for an adapter is left out. */
export interface ConformanceSubject {
  readonly adapter: Adapter;
  /** Every artifact that the adapter offers. */
  readonly artifacts: readonly string[];
  readonly openCapture: (artifacts: readonly string[], maxBytes: number) => InspectableCapture;
  /** All is well. */
  readonly good: () => Promise<Scenario>;
  /** The peer never answers. */
  readonly silent?: () => Promise<Scenario>;
  /** The peer never stops. */
  readonly endless?: () => Promise<Scenario>;
  /** How long a good call may take here, in milliseconds; default: as short as a silent peer's deadline. */
  readonly timeoutMs?: number;
  /** Where a secret goes, when the adapter takes secrets. */
  readonly secretInto?: NonNullable<Contract["execution"]["secrets"]>[number]["into"];
}

export interface ConformanceCase {
  readonly name: string;
  run(): Promise<void>;
}

const DEADLINE_MS = 300;
const SLACK_MS = 1500;
const MAX_BYTES = 64 * 1024;
const SECRET = "conformance-secret-0b5e";

/** The tests that every adapter must pass, through the wrapper. Each throws AssertionError. */
export function adapterCases(subject: ConformanceSubject): readonly ConformanceCase[] {
  const { adapter, good, silent, endless, secretInto } = subject;
  const inTime = { timeoutMs: subject.timeoutMs ?? DEADLINE_MS };
  const cases: ConformanceCase[] = [
    {
      name: "gives a result in canonical JSON and its declared artifacts, twice",
      async run() {
        for (let i = 0; i < 2; i++) {
          const { outcome, capture } = await attempt(subject, await good(), inTime);
          assert.equal(outcome.exit, "executed", `${outcome.message}`);
          assert.deepEqual([...capture.finished].sort(), [...subject.artifacts].sort());
          canonicalJson(capture.stored[0]);
        }
      },
    },
    {
      name: "works when the contract asks for no artifact",
      async run() {
        const { outcome, capture } = await attempt(subject, await good(), { ...inTime, artifacts: [] });
        assert.equal(outcome.exit, "executed", `${outcome.message}`);
        assert.equal(capture.artifacts.size, 0);
      },
    },
    {
      name: "refuses a parameter that it does not know, before anything leaves",
      async run() {
        const scenario = await good();
        const odd = { ...scenario, with: { ...scenario.with, nonsense: 1 } };
        const { outcome, capture } = await attempt(subject, odd, {});
        assert.equal(errorOf(capture).code, "PARAMETERS_INVALID");
        assert.equal(outcome.exit, "failed");
        assert.deepEqual(scenario.network.dialled, []);
      },
    },
    {
      name: "is cancelled before it begins",
      async run() {
        const { outcome, capture } = await attempt(subject, await good(), { signal: AbortSignal.abort() });
        assert.equal(outcome.exit, "failed");
        assert.equal(errorOf(capture).code, "CANCELLED");
      },
    },
  ];
  if (silent !== undefined) {
    cases.push({
      name: "ends at its deadline when the peer never answers, and leaves nothing behind",
      async run() {
        const scenario = await silent();
        const started = performance.now();
        const { outcome, capture } = await attempt(subject, scenario, {});
        assert.ok(performance.now() - started < DEADLINE_MS + SLACK_MS, "it took too long");
        assert.equal(outcome.errorClass, "TIMEOUT", `${outcome.message}`);
        assert.match(String(errorOf(capture).code), /^(TIMEOUT|ETIMEDOUT)$/);
        await nothingLeft(scenario);
      },
    });
    cases.push({
      name: "ends when it is cancelled, and leaves nothing behind",
      async run() {
        const scenario = await silent();
        const signal = AbortSignal.timeout(100);
        const { outcome, capture } = await attempt(subject, scenario, { signal, timeoutMs: 30_000 });
        assert.equal(outcome.exit, "failed");
        assert.equal(errorOf(capture).code, "CANCELLED");
        await nothingLeft(scenario);
      },
    });
  }
  if (endless !== undefined) {
    cases.push({
      name: "stops at the contract's size bound, and leaves nothing behind",
      async run() {
        const scenario = await endless();
        const { outcome, capture } = await attempt(subject, scenario, { timeoutMs: 10_000 });
        assert.equal(outcome.errorClass, "SIZE_EXCEEDED", `${outcome.message}`);
        for (const bytes of capture.artifacts.values()) assert.ok(bytes.length <= MAX_BYTES);
        await nothingLeft(scenario);
      },
    });
  }
  if (secretInto !== undefined) {
    cases.push({
      name: "puts a secret into no result, no fault and no description of the request",
      async run() {
        for (const scenario of [await good(), ...(silent === undefined ? [] : [await silent()])]) {
          const { outcome, capture } = await attempt(subject, scenario, { secretInto });
          const everything = [JSON.stringify(capture.stored), JSON.stringify(outcome)];
          for (const [name, bytes] of capture.artifacts) {
            if (name === "request") everything.push(Buffer.from(bytes).toString("latin1"));
          }
          assert.ok(!everything.join("\n").includes(SECRET), "the secret is there");
        }
      },
    });
  }
  return cases.map(({ name, run }) => ({ name: `${adapter.id} ${name}`, run }));
}

async function attempt(
  subject: ConformanceSubject,
  scenario: Scenario,
  options: {
    artifacts?: readonly string[];
    timeoutMs?: number;
    signal?: AbortSignal;
    secretInto?: ConformanceSubject["secretInto"];
  },
): Promise<{ outcome: AttemptOutcome; capture: InspectableCapture }> {
  const { adapter } = subject;
  const artifacts = options.artifacts ?? subject.artifacts;
  const capture = subject.openCapture(artifacts, MAX_BYTES);
  const outcome = await performAttempt({
    adapter,
    contract: contractFor(adapter, scenario, artifacts, options.secretInto),
    inputs: scenario.with,
    idempotencyKey: "00000000000000000000000000000000",
    timeoutMs: options.timeoutMs ?? (options.secretInto === undefined ? DEADLINE_MS : 5 * DEADLINE_MS),
    network: scenario.network,
    capture,
    secrets: new Map([["token", SECRET]]),
    root: scenario.root,
    given: scenario.given,
    signal: options.signal ?? new AbortController().signal,
  });
  return { outcome, capture };
}

/** A contract that hands its inputs to the adapter as they are. */
function contractFor(
  adapter: Adapter,
  scenario: Scenario,
  artifacts: readonly string[],
  secretInto: ConformanceSubject["secretInto"],
): Contract {
  return {
    apiVersion: "witnessops/v1",
    kind: "Contract",
    id: "conformance",
    version: "1.0.0",
    title: "Conformance",
    purpose: "Tries an adapter.",
    effect: "read",
    inputs: { type: "object" },
    outputs: { type: "object" },
    errors: [{ class: "NEVER", side: "external", retryable: false, when: "false", meaning: "never" }],
    scope: {
      subjects: [{ kind: "host", from: "'target.example'" }],
      endpoints: [],
      actions: ["a trial"],
      disallowed: ["anything else"],
    },
    authority: { roles: ["operator"], approval: "none" },
    execution: {
      adapter: adapter.id,
      with: Object.fromEntries(Object.keys(scenario.with).map((name) => [name, `inputs.${name}`])),
      outputs: {},
      timeout: "30s",
      idempotency: "safe",
      ...(secretInto === undefined
        ? {}
        : { secrets: [{ name: "token", ref: "env:TOKEN", into: secretInto }] }),
    },
    evidence: {
      artifacts: artifacts.map((name) => ({
        name,
        mediaType: "application/octet-stream",
        required: true,
        sensitivity: "internal" as const,
      })),
      maxBytes: "64KiB",
    },
    failure: { onFailure: "stop" },
    boundary: { external: ["everything"] },
    attests: "nothing",
    doesNotAttest: "anything",
  };
}

function errorOf(capture: InspectableCapture): JsonObject {
  const error = capture.stored[0]?.error;
  assert.ok(typeof error === "object" && error !== null && !Array.isArray(error), "there is no fault");
  const fault = error as JsonObject;
  for (const name of ["code", "phase", "message"]) assert.equal(typeof fault[name], "string", name);
  return fault;
}

async function nothingLeft(scenario: Scenario): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (((await scenario.leftovers?.()) ?? 0) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`left behind: ${await scenario.leftovers?.()}`);
}
