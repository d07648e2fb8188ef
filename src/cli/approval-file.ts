import {
  type ApprovalRequest,
  approvalRequestSchema,
  type SignedDecision,
  signedDecisionSchema,
} from "../contract/approval-request.ts";
import { checkSchema } from "../contract/check-schema.ts";
import type { Contract } from "../contract/contract.ts";
import { digestOfDocument } from "../contract/digest-document.ts";
import { faultText, pathText } from "../contract/fault.ts";
import { contractFromJson } from "../contract/parse-contract.ts";
import { type Envelope, envelopeFromJson } from "../format/dsse.ts";
import type { Json } from "../format/json.ts";
import { CliError } from "./cli-error.ts";
import { readJsonObject } from "./read-input.ts";

/**
 * Reads a request for approval that was copied from a workspace, and checks that the contract in it is the one that
 * the action names.
 *
 * @throws CliError `INPUT_MALFORMED` with every fault; ContractError.
 */
export function readRequest(path: string): { request: ApprovalRequest; contract: Contract } {
  const value = readFile(path, approvalRequestSchema, "a request for approval");
  const request = value as unknown as ApprovalRequest;
  const contract = contractFromJson(request.contract as Json);
  if (digestOfDocument(contract) !== request.action.contract.digest) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` carries another contract than its action names`,
      hint: "ask for the request again; do not sign this one",
    });
  }
  const { action, list = [] } = request;
  const isOne = list.every(
    ({ contract: of, run, step }) =>
      of.digest === action.contract.digest && run === action.run && step === action.step,
  );
  if (!isOne) {
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` lists actions of several steps`,
      hint: "ask for the request again; do not sign this one",
    });
  }
  return { request, contract };
}

/** Reads a decision that was signed elsewhere. @throws CliError `INPUT_MALFORMED` with every fault. */
export function readDecision(path: string): { run: string; envelope: Envelope } {
  const value = readFile(path, signedDecisionSchema, "a signed decision") as unknown as SignedDecision;
  return { run: value.run, envelope: envelopeFromJson(value.envelope as Json) };
}

function readFile(path: string, schema: object, what: string): { readonly [member: string]: Json } {
  const value = readJsonObject(path);
  const faults = checkSchema(schema, value);
  if (faults.length === 0) return value;
  const [first, ...rest] = faults.map((fault) => faultText({ ...fault, path: pathText(fault.path) }));
  throw new CliError({
    code: "INPUT_MALFORMED",
    message: `\`${path}\` is not ${what}: ${first}`,
    faults: rest,
    hint: "copy the file from the workspace again",
  });
}
