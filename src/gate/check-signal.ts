import { MAX_SIGNAL_BYTES, type Signal } from "../contract/signal.ts";
import { fromBase64 } from "../format/base64.ts";
import { parseJson } from "../format/canonical-json.ts";
import { verifySignature } from "../format/crypto.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { millisOf } from "../format/time.ts";

/** Why an inbound webhook does not count. */
export type SignalRefusal =
  | "too-large"
  /** No `v1a` signature in it was made by the contract's key over these bytes. */
  | "signature-invalid"
  /** The body is no JSON object. */
  | "body-malformed"
  /** The body names another invocation than the one that waits, or none. */
  | "another-invocation"
  /** Its timestamp is too far from when it came. */
  | "not-recent";

/** How far a webhook's timestamp may be from when it comes, in milliseconds (Standard Webhooks). */
export const RECEIVED_WITHIN_MS = 5 * 60_000;
/** The same as of its receipt, which is made a little later: a host waits up to a minute for its clock. */
const RECORDED_WITHIN_MS = RECEIVED_WITHIN_MS + 60_000;
/** A sender that rotates its keys signs with two. */
const MAX_SIGNATURES = 4;
const PREFIX = "v1a,";

/**
 * Checks an inbound webhook (Standard Webhooks, asymmetric signatures `v1a`): Ed25519 over `id.timestamp.body`. It is
 * bound to a run by its body, which names the invocation: `{"invocation": "<run>/<step>", …}`.
 *
 * @param at when it came, or was recorded, UTC RFC 3339.
 * @param within how far its timestamp may be from that, in milliseconds.
 */
export async function checkSignal(
  signal: Signal,
  publicKey: string,
  invocation: string,
  at: string,
  within = RECORDED_WITHIN_MS,
): Promise<{ ok: true; body: JsonObject } | { ok: false; reason: SignalRefusal }> {
  const bytes = bytesOf(signal.body);
  if (bytes === undefined || bytes.length > MAX_SIGNAL_BYTES) return refuse("too-large");
  if (!(await isSigned(signal, bytes, publicKey))) return refuse("signature-invalid");
  const body = objectOf(bytes);
  if (body === undefined) return refuse("body-malformed");
  if (body.invocation !== invocation) return refuse("another-invocation");
  const age = Math.abs((millisOf(at) ?? Number.NaN) - signal.timestamp * 1000);
  return age <= within ? { ok: true, body } : refuse("not-recent");
}

/** The invocation that a webhook's body names. Nothing is checked of who sent it. */
export function invocationNamedIn({
  body,
}: Signal): { ok: true; invocation: string } | { ok: false; reason: SignalRefusal } {
  const bytes = bytesOf(body);
  if (bytes === undefined || bytes.length > MAX_SIGNAL_BYTES) return refuse("too-large");
  const named = objectOf(bytes)?.invocation;
  return typeof named === "string" ? { ok: true, invocation: named } : refuse("body-malformed");
}

async function isSigned(signal: Signal, body: Uint8Array, publicKey: string): Promise<boolean> {
  const key = keyOf(publicKey);
  if (key === undefined) return false;
  const head = new TextEncoder().encode(`${signal.id}.${signal.timestamp}.`);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  for (const one of signal.signature.split(" ", MAX_SIGNATURES)) {
    const made = one.startsWith(PREFIX) ? bytesOf(one.slice(PREFIX.length)) : undefined;
    if (made !== undefined && (await verifySignature(key, message, made))) return true;
  }
  return false;
}

function keyOf(text: string): PublicKey | undefined {
  try {
    const key = parsePublicKey(text);
    return key.algorithm === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

function objectOf(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(bytes);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function refuse(reason: SignalRefusal): { ok: false; reason: SignalRefusal } {
  return { ok: false, reason };
}
