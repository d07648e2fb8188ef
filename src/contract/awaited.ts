import Type, { type Static } from "typebox";
import type { JsonObject } from "../format/json.ts";
import type { ActionDocument } from "./action-document.ts";
import { evaluateTree } from "./cel-tree.ts";
import { checkSchema } from "./check-schema.ts";
import type { Contract } from "./contract.ts";
import { faultText, pathText } from "./fault.ts";
import * as word from "./vocabulary.ts";

const { closed } = word;

/** What the `manual` adapter takes: a task that a person does and answers. */
export const manualParameters = Type.Object(
  {
    task: word.text,
    /** Who may answer: people who have one of these roles in the engagement. Default: operator, approver, owner. */
    roles: Type.Optional(Type.Array(Type.Enum([...word.roles]), { minItems: 1, uniqueItems: true })),
    /** Whether somebody else than the requester has to answer. */
    independent: Type.Optional(Type.Boolean()),
    /** How long the answer is waited for; then the step is denied. */
    within: Type.Optional(word.duration),
  },
  closed,
);

/** What the `wait` adapter takes: exactly one of `until`, `after` and `publicKey`. */
export const waitParameters = Type.Object(
  {
    until: Type.Optional(word.utc),
    /** Since the step began to wait. */
    after: Type.Optional(word.duration),
    /** Base64 SPKI of the Ed25519 key that signs the webhook (Standard Webhooks, `v1a`). */
    publicKey: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9+/]{58,60}=*$" })),
    /** How long the webhook is waited for; then the step is denied. */
    within: Type.Optional(word.duration),
  },
  closed,
);

/** What a call waits for before it can be made. */
export type Awaited =
  | {
      readonly what: "answer";
      readonly task: string;
      readonly roles: readonly word.Role[];
      readonly independent: boolean;
      readonly within?: string;
    }
  | { readonly what: "signal"; readonly publicKey: string; readonly within?: string }
  | { readonly what: "time"; readonly until?: string; readonly after?: string };

/** Ids of the adapters whose calls wait for something first. */
export const MANUAL = "manual";
export const WAIT = "wait";

/** Whether a contract's calls wait for an answer, a webhook or a time before they can be made. */
export function isAwaiting({ execution }: Pick<Contract, "execution">): boolean {
  return execution.adapter === MANUAL || execution.adapter === WAIT;
}

/**
 * What an action waits for, from its contract's `execution.with`; undefined when for nothing. Pure: the host and a
 * verifier get the same.
 */
export function awaitedOf(
  contract: Contract,
  action: Pick<ActionDocument, "inputs" | "idempotencyKey">,
): { ok: true; awaited: Awaited | undefined } | { ok: false; faults: readonly string[] } {
  if (!isAwaiting(contract)) return { ok: true, awaited: undefined };
  const { idempotencyKey } = action;
  const inputs = action.inputs as JsonObject;
  const evaluated = evaluateTree(contract.execution.with, ["idempotencyKey", "inputs"], {
    inputs,
    idempotencyKey,
  });
  if (!evaluated.ok) return { ok: false, faults: evaluated.faults.map(faultText) };
  const given = Object.fromEntries(Object.entries(evaluated.value).filter(([, value]) => value !== null));
  const isManual = contract.execution.adapter === MANUAL;
  const faults = checkSchema(isManual ? manualParameters : waitParameters, given);
  if (faults.length > 0)
    return { ok: false, faults: faults.map(({ path, message }) => `\`with.${pathText(path)}\`: ${message}`) };
  if (isManual) return { ok: true, awaited: answerOf(given as Static<typeof manualParameters>) };
  const { until, after, publicKey, within } = given as Static<typeof waitParameters>;
  const named = [until, after, publicKey].filter((one) => one !== undefined);
  if (named.length !== 1)
    return { ok: false, faults: ["`with`: exactly one of `until`, `after` and `publicKey` is given"] };
  if (publicKey !== undefined)
    return { ok: true, awaited: { what: "signal", publicKey, ...(within === undefined ? {} : { within }) } };
  const due = until === undefined ? { after: after ?? "" } : { until };
  return { ok: true, awaited: { what: "time", ...due } };
}

function answerOf({ task, roles, independent, within }: Static<typeof manualParameters>): Awaited {
  return {
    what: "answer",
    task,
    roles: roles ?? ["operator", "approver", "owner"],
    independent: independent ?? false,
    ...(within === undefined ? {} : { within }),
  };
}
