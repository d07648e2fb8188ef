import { millisOfDuration } from "../format/duration.ts";
import { isJsonObject, type Json } from "../format/json.ts";
import { GATE_RECORD, RESULT_ARTIFACT } from "./artifact.ts";
import { MANUAL, WAIT } from "./awaited.ts";
import { type Contract, contractSchema } from "./contract.ts";
import {
  ruleApproval,
  ruleCel,
  ruleCelTree,
  ruleDataSchema,
  ruleDuration,
  ruleSize,
  ruleUnique,
} from "./document-rules.ts";
import { type DocumentKind, documentFromJson, type Inspection, readDocument } from "./inspect-document.ts";
import { reservedErrors } from "./reserved-errors.ts";

/** What a contract is: its schema, and the rules that the schema cannot say. */
export const contractKind: DocumentKind<Contract> = { name: "contract", schema: contractSchema, rules };

/** Reads a contract from YAML. @throws ContractError with every fault, each with path and line. */
export function parseContract(text: string, options: { file?: string } = {}): Contract {
  return readDocument(contractKind, text, options);
}

/** A pinned contract. @throws ContractError with every fault. */
export function contractFromJson(value: Json): Contract {
  return documentFromJson(contractKind, value);
}

function rules(contract: Inspection<Contract>): void {
  ruleDataSchema(contract, ["inputs"], contract.raw.inputs ?? {});
  ruleDataSchema(contract, ["outputs"], contract.raw.outputs ?? {});
  ruleErrors(contract);
  ruleScope(contract);
  ruleExecution(contract);
  ruleEvidence(contract);
  ruleApproval(contract, ["authority", "approval"], contract.member("authority", "approval"));
}

function ruleErrors(contract: Inspection<Contract>): void {
  const errors = contract.items("errors");
  ruleUnique(
    contract,
    errors.map(([index, error]) => [["errors", index, "class"], error.class]),
    "class",
  );
  for (const [index, error] of errors) {
    ruleCel(contract, ["errors", index, "when"], error.when, ["error", "inputs"]);
    const reserved = Object.hasOwn(reservedErrors, error.class) ? reservedErrors[error.class] : undefined;
    if (reserved !== undefined && reserved.side !== error.side) {
      contract.report(
        ["errors", index, "side"],
        "value",
        `\`${error.class}\` is reserved and its side is \`${reserved.side}\``,
      );
    }
  }
}

function ruleScope(contract: Inspection<Contract>): void {
  for (const [index, { from }] of contract.memberItems("scope", "subjects")) {
    ruleCel(contract, ["scope", "subjects", index, "from"], from, ["inputs"]);
  }
  for (const [index, endpoint] of contract.memberItems("scope", "endpoints")) {
    const at = ["scope", "endpoints", index];
    if ("url" in endpoint) ruleCel(contract, [...at, "url"], endpoint.url, ["inputs"]);
    else {
      ruleCel(contract, [...at, "host"], endpoint.host, ["inputs"]);
      const { port } = endpoint;
      if (typeof port === "string") ruleCel(contract, [...at, "port"], port, ["inputs"]);
      else if (port !== undefined && (port < 1 || port > 65_535)) {
        contract.report([...at, "port"], "value", "must be a port, 1 to 65535");
      }
    }
  }
}

function ruleExecution(contract: Inspection<Contract>): void {
  ruleCelTree(contract, ["execution", "with"], contract.member("execution", "with") ?? {}, [
    "idempotencyKey",
    "inputs",
  ]);
  ruleCelTree(contract, ["execution", "outputs"], contract.member("execution", "outputs") ?? {}, [
    "inputs",
    "result",
  ]);
  ruleDuration(contract, ["execution", "timeout"], contract.member("execution", "timeout"));
  const retry = contract.member("execution", "retry");
  if (retry !== undefined && retry.attempts > 1 && contract.member("execution", "idempotency") === "unsafe") {
    contract.report(["execution", "retry", "attempts"], "value", "an `unsafe` action is never tried again");
  }
  ruleReadBack(contract);
  // One error class with a fault of its own must not make every other name unknown.
  const declared = Array.isArray(contract.raw.errors) ? contract.raw.errors : [];
  const names = declared.map((error) => (isJsonObject(error) ? error.class : undefined));
  const known = new Set<unknown>([...Object.keys(reservedErrors), ...names]);
  for (const [index, name] of (retry?.on ?? []).entries()) {
    if (!known.has(name)) {
      const message = `\`${name}\` is not an error class of this contract`;
      contract.report(["execution", "retry", "on", index], "unknown-reference", message);
    }
  }
  ruleUnique(
    contract,
    contract
      .memberItems("execution", "secrets")
      .map(([index, { name }]) => [["execution", "secrets", index, "name"], name]),
    "secret",
  );
}

/** Longest time that a run waits before it reads back; more is a person's business. */
const MAX_READ_BACK_AFTER_MS = 15 * 60_000;

function ruleReadBack(contract: Inspection<Contract>): void {
  const confirm = contract.member("execution", "confirm");
  if (confirm === undefined || confirm === null) return;
  const at = ["execution", "confirm"];
  ruleCelTree(contract, [...at, "with"], confirm.with, ["inputs"]);
  ruleCel(contract, [...at, "happened"], confirm.happened, ["inputs", "outputs"]);
  ruleCel(contract, [...at, "notHappened"], confirm.notHappened, ["inputs", "outputs"]);
  ruleDuration(contract, [...at, "after"], confirm.after);
  if (millisOfDuration(confirm.after) > MAX_READ_BACK_AFTER_MS)
    contract.report([...at, "after"], "value", "must not be more than 15m");
}

function ruleEvidence(contract: Inspection<Contract>): void {
  const total = ruleSize(contract, ["evidence", "maxBytes"], contract.member("evidence", "maxBytes"));
  const artifacts = contract.memberItems("evidence", "artifacts");
  const adapter = contract.member("execution", "adapter");
  ruleUnique(
    contract,
    artifacts.map(([index, { name }]) => [["evidence", "artifacts", index, "name"], name]),
    "artifact",
  );
  for (const [index, artifact] of artifacts) {
    const at = ["evidence", "artifacts", index];
    if (artifact.name === RESULT_ARTIFACT || artifact.name === GATE_RECORD) {
      contract.report([...at, "name"], "value", `\`${artifact.name}\` is a name of our own`);
    }
    if (artifact.sensitivity === "secret" && (adapter === MANUAL || adapter === WAIT)) {
      contract.report(
        [...at, "sensitivity"],
        "unsupported",
        `what \`${adapter}\` is given is recorded in the clear and cannot be sealed`,
      );
    }
    const bytes = ruleSize(contract, [...at, "maxBytes"], artifact.maxBytes);
    if (bytes !== undefined && total !== undefined && bytes > total) {
      contract.report([...at, "maxBytes"], "value", "must not be more than `evidence.maxBytes`");
    }
  }
}
