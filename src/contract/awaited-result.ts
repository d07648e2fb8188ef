import { fromBase64 } from "../format/base64.ts";
import type { JsonObject } from "../format/json.ts";
import { utcFromMillis } from "../format/time.ts";
import type { Signal } from "./signal.ts";
import type { AnswerStatement } from "./signed-statements.ts";

/** What a call that waited is given, and the bytes of it that are kept as an artifact. */
export interface Given {
  readonly result: JsonObject;
  readonly artifact: { readonly name: "answer" | "signal" | "time"; readonly bytes: Uint8Array };
}

/** The result of a `manual` call: the answer as it was signed. @param bytes the signed envelope. */
export function answerResult(task: string, statement: AnswerStatement, bytes: Uint8Array): Given {
  const { answer, principal, signedAt } = statement;
  const result = { task, answer: answer as JsonObject, by: principal, signedAt };
  return { result, artifact: { name: "answer", bytes } };
}

/** The result of a `wait` call for a webhook: its body as it came. */
export function signalResult(signal: Signal, body: JsonObject): Given {
  const result = { id: signal.id, sentAt: utcFromMillis(signal.timestamp * 1000), signal: body };
  return { result, artifact: { name: "signal", bytes: fromBase64(signal.body) } };
}

/** The result of a `wait` call for a time. @param due, decidedAt UTC; the host's clock. */
export function timeResult(due: string, decidedAt: string): Given {
  const result = { due, decidedAt };
  return { result, artifact: { name: "time", bytes: new TextEncoder().encode(JSON.stringify(result)) } };
}
