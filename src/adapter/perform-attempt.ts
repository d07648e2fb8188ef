import { RESULT_ARTIFACT } from "../contract/artifact.ts";
import type { CaptureSession } from "../contract/capture.ts";
import type { Contract } from "../contract/contract.ts";
import { isDoubtful, isUnsent } from "../contract/doubtful-error.ts";
import { faultText } from "../contract/fault.ts";
import { classifyError, type ErrorVerdict, mapOutputs, reservedVerdict } from "../contract/map-result.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import type { AdapterOutcome, Fault } from "./adapter.ts";
import type { AttemptOutcome, AttemptRequest } from "./attempt.ts";
import { startAttemptCapture } from "./attempt-capture.ts";
import { startDeadline } from "./deadline.ts";
import { abortedFault, faultOf } from "./fault.ts";
import { prepareCall } from "./prepare-call.ts";

/** Schema name of the `result` artifact (`spec/receipt.md`). */
export const RESULT_SCHEMA = "witnessops/result/v1";

/** How long an adapter may clean up after its deadline before it is left behind. */
const GRACE_MS = 1000;
/** Codes that an adapter's fault keeps although the deadline had passed. */
const KEPT_AT_DEADLINE = new Set(["TIMEOUT", "ETIMEDOUT", "SIZE_EXCEEDED", "EGRESS_REFUSED", "CANCELLED"]);

/**
 * Makes one attempt (design section 7): evaluates and checks the parameters, runs the adapter under its
 * deadline, writes the `result` artifact and maps it to outputs or to an error class. The `result` artifact
 * decides: outputs and class are computed from it as it was stored, so that a verifier computes the same.
 *
 * Whatever the outside world does is a value; it throws only what capture throws when evidence cannot be
 * stored. It closes the network and ends no artifact: the capture's owner finishes it.
 */
export async function performAttempt(request: AttemptRequest): Promise<AttemptOutcome> {
  const { contract, inputs, capture, network } = request;
  const outcome = complete(contract, capture, await runAdapter(request));
  const stored = await store(capture, outcome);
  const dialled = network.dialled[0];
  const resolvedAddress = dialled?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const facts = resolvedAddress === undefined ? {} : { resolvedAddress };
  if ("result" in stored) {
    const mapped = mapOutputs(contract, inputs, stored.result);
    if (mapped.ok) return { exit: "executed", outputs: mapped.outputs, retryable: false, ...facts };
    const message = mapped.faults.map(faultText).join("; ").slice(0, 2000);
    return {
      ...failed(request, reservedVerdict("OUTPUT_CONTRACT_VIOLATION"), {
        code: "OUTPUT_CONTRACT_VIOLATION",
        phase: "response",
        message,
      }),
      ...facts,
    };
  }
  const { error } = stored;
  const verdict = classifyError(contract, inputs, error);
  const retryAfter = error.retryAfterMs;
  return {
    ...failed(request, verdict, error),
    ...(typeof retryAfter === "number" ? { retryAfterMs: retryAfter } : {}),
    ...facts,
  };
}

async function runAdapter(request: AttemptRequest): Promise<AdapterOutcome> {
  const { adapter, network, root, idempotencyKey } = request;
  const prepared = prepareCall(request);
  if (!prepared.ok) {
    network.close();
    return prepared;
  }
  const deadline = startDeadline(request.timeoutMs, request.signal, GRACE_MS);
  const { signal } = deadline;
  const evidence = startAttemptCapture(request.capture);
  const call = {
    with: prepared.with,
    secrets: prepared.secrets,
    signal,
    idempotencyKey,
    network,
    capture: evidence.capture,
    root,
    isolated: request.isolated === true,
    ...(request.given === undefined ? {} : { given: request.given }),
  };
  const run = async (): Promise<AdapterOutcome> => {
    try {
      return await adapter.run(call);
    } catch (error) {
      return { ok: false, fault: defectOf(error, signal) };
    }
  };
  try {
    if (signal.aborted) return fail(abortedFault(signal, "prepare"));
    const outcome = await Promise.race([run(), deadline.over]);
    const refused = evidence.sizeExceeded;
    if (refused !== undefined)
      return fail({ code: refused.code, phase: "capture", message: refused.message });
    if (outcome === "over") return fail(abortedFault(signal, "response"));
    if (!signal.aborted) return outcome;
    if (outcome.ok) return fail(abortedFault(signal, "response"));
    if (KEPT_AT_DEADLINE.has(outcome.fault.code)) return outcome;
    return fail({ ...outcome.fault, ...abortedFault(signal, outcome.fault.phase) });
  } finally {
    deadline.clear();
    evidence.close();
    network.close();
  }
}

/** An adapter that throws has a defect, unless the exception is plainly news from outside. */
function defectOf(error: unknown, signal: AbortSignal): Fault {
  try {
    return faultOf(error, "response", signal);
  } catch {
    const message = error instanceof Error ? error.message : "the adapter threw";
    return { code: "ADAPTER_DEFECT", phase: "adapter", message: message.slice(0, 2000) };
  }
}

/** A result without its required artifacts is none. */
function complete(contract: Contract, capture: CaptureSession, outcome: AdapterOutcome): AdapterOutcome {
  if (!outcome.ok) return outcome;
  const missing = contract.evidence.artifacts
    .filter(({ name, required }) => required && name !== RESULT_ARTIFACT && !capture.finished.includes(name))
    .map(({ name }) => name);
  if (missing.length === 0) return outcome;
  const message = `not captured: ${missing.map((name) => `\`${name}\``).join(", ")}`;
  return fail({ code: "EVIDENCE_INCOMPLETE", phase: "capture", message, facts: { missing } });
}

type StoredFault = JsonObject & { readonly code: string; readonly phase: string; readonly message: string };

/** Writes the `result` artifact and reads back what was stored. */
async function store(
  capture: CaptureSession,
  outcome: AdapterOutcome,
): Promise<{ result: JsonObject } | { error: StoredFault }> {
  try {
    return await put(capture, outcome);
  } catch (error) {
    // What the outside world sent may have no canonical form, be larger than anybody verifies, or hide a secret where it
    // cannot be masked.
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === "RESULT_TOO_LARGE")
      return put(
        capture,
        fail({ code: "SIZE_EXCEEDED", phase: "capture", message: "the result is too large" }),
      );
    if (code !== "VALUE_NOT_JSON" && code !== "RESULT_UNMASKABLE") throw error;
    return put(capture, fail({ code, phase: "capture", message: "the result cannot be recorded" }));
  }
}

async function put(
  capture: CaptureSession,
  outcome: AdapterOutcome,
): Promise<{ result: JsonObject } | { error: StoredFault }> {
  if (outcome.ok) {
    const { result } = await capture.putResult({ schema: RESULT_SCHEMA, result: outcome.result });
    if (isJsonObject(result)) return { result };
  } else {
    const { code, phase, message, facts } = outcome.fault;
    const text = message.toWellFormed();
    const { error } = await capture.putResult({
      schema: RESULT_SCHEMA,
      error: { ...facts, code, phase, message: text },
    });
    if (isJsonObject(error)) return { error: error as StoredFault };
  }
  throw new TypeError("capture did not return the value that it stored");
}

function failed(
  request: AttemptRequest,
  verdict: ErrorVerdict,
  error: Pick<Fault, "code" | "phase" | "message">,
): AttemptOutcome {
  const { retry, idempotency } = request.contract.execution;
  const { errorClass, side } = verdict;
  const dialled = request.network.dialled.length;
  // Trying again must not do an unsafe action twice: only when nothing can have been sent.
  const retryable =
    verdict.retryable &&
    retry?.on.includes(errorClass) === true &&
    (idempotency !== "unsafe" || isUnsent(error, dialled));
  // An unsafe call that may have left and was not answered: nobody here knows whether it happened.
  const exit = isDoubtful(idempotency, error, dialled) ? "in-doubt" : "failed";
  return { exit, errorClass, side, retryable, message: error.message };
}

function fail(fault: Fault): AdapterOutcome {
  return { ok: false, fault };
}
