import { ContractError } from "../contract/contract-error.ts";
import type { Fault } from "../contract/fault.ts";
import { CodedError } from "../format/coded-error.ts";
import { CliError } from "./cli-error.ts";
import { type Exit, exit } from "./exit.ts";
import { jsonLine, Printer } from "./output.ts";

/** Codes that mean: the command line or its input cannot be read. Everything else that has a code is a refusal. */
const MALFORMED = new Set([
  "USAGE",
  "INPUT_MALFORMED",
  "NOT_FOUND",
  "AMBIGUOUS",
  "DOCUMENT_TOO_LARGE",
  "DOCUMENT_MALFORMED",
  "DOCUMENT_INVALID",
  "FAILURE_INPUT_MALFORMED",
  "FAILURE_INPUT_UNSUPPORTED",
  "DESCRIPTION_MALFORMED",
  "DESCRIPTION_UNSUPPORTED",
  "REFERENCE_REFUSED",
  "OPERATION_UNSUPPORTED",
  "INPUTS_REFUSED",
  "POLICIES_INVALID",
  "POLICY_LANGUAGE_UNSUPPORTED",
  "RUN_UNKNOWN",
  "STEP_UNKNOWN",
  "ARTIFACT_UNKNOWN",
  "JSON_MALFORMED",
  "JSON_NOT_CANONICAL",
  "BASE64_MALFORMED",
  "DIGEST_MALFORMED",
  "ENVELOPE_MALFORMED",
  "KEY_MALFORMED",
  "KEY_UNSUPPORTED",
  "KEY_FILE_NOT_FOUND",
  "KEY_FILE_MALFORMED",
  "KEY_FILE_UNSUPPORTED",
  "IDENTITY_MALFORMED",
  "TAR_MALFORMED",
  "ENOENT",
  "EISDIR",
  "ENOTDIR",
]);

/**
 * Prints an error for a person on stderr, and as the one JSON value when that is wanted. Something without a code is
 * a defect of ours: one line, with the stack under `WITNESSOPS_DEBUG=1`.
 */
export function reportError(error: unknown, json: boolean): Exit {
  const out = new Printer(process.stderr);
  const report = describe(error);
  for (const line of [...report.faults, ...report.message.split("\n")].filter((one) => one !== ""))
    out.line({ text: "error:", style: "bad" }, ` ${line}`);
  if (report.hint !== undefined) out.line({ text: "hint:", style: "warn" }, ` ${report.hint}`);
  if (process.env.WITNESSOPS_DEBUG === "1" && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
    if (error.cause !== undefined)
      process.stderr.write(`caused by: ${String((error.cause as Error).stack ?? error.cause)}\n`);
  }
  if (json) process.stdout.write(jsonLine({ error: report }, process.stdout.isTTY));
  return MALFORMED.has(report.code) ? exit.usage : exit.refused;
}

interface Report {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly faults: readonly string[];
}

function describe(error: unknown): Report {
  if (error instanceof ContractError) {
    const faults = error.faults.map((fault) => faultLine(error.subject, fault));
    return { code: error.code, message: "", hint: error.hint, faults };
  }
  if (error instanceof CodedError && error.cause instanceof ContractError) {
    return { ...describe(error.cause), code: error.code as string, hint: error.hint ?? error.cause.hint };
  }
  if (error instanceof CodedError) {
    const faults = error instanceof CliError ? error.faults : [];
    return { code: error.code as string, message: error.message, hint: error.hint, faults };
  }
  const system = error as NodeJS.ErrnoException;
  if (error instanceof Error && typeof system.syscall === "string") {
    return { code: system.code ?? "SYSTEM", ...systemText(system), faults: [] };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "INTERNAL",
    message: `internal fault: ${message.split("\n")[0] ?? ""}`,
    hint: "run again with WITNESSOPS_DEBUG=1 and report what it prints",
    faults: [],
  };
}

/** A fault as compilers print it: `file:line:column path: message`. */
export function faultLine(file: string, fault: Fault): string {
  const place = fault.line === undefined ? file : `${file}:${fault.line}:${fault.column ?? 1}`;
  return fault.path === "" ? `${place}: ${fault.message}` : `${place} \`${fault.path}\`: ${fault.message}`;
}

function systemText(error: NodeJS.ErrnoException): { message: string; hint: string | undefined } {
  const path = error.path === undefined ? "" : ` \`${error.path}\``;
  switch (error.code) {
    case "ENOENT":
      return { message: `there is no file${path}`, hint: "check the path" };
    case "EACCES":
    case "EPERM":
      return { message: `permission denied:${path}`, hint: "check the owner and mode of the file" };
    case "EROFS":
      return { message: `the file system is read-only:${path}`, hint: "use a writable folder" };
    case "ENOSPC":
      return { message: "the disk is full", hint: "free space and run again; nothing was lost" };
    case "EISDIR":
      return { message: `there is a folder where a file is needed:${path}`, hint: "name a file" };
    case "EEXIST":
      return { message: `there is already something at${path}`, hint: "name another path" };
    default:
      return {
        message: `${error.code ?? "a system error"} in ${error.syscall ?? "a call"}:${path}`,
        hint: undefined,
      };
  }
}
