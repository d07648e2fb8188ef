import Type, { type Static } from "typebox";
import * as word from "./vocabulary.ts";

/** Largest body of an inbound webhook, in bytes. */
export const MAX_SIGNAL_BYTES = 65_536;

/** An inbound webhook as it came, with the headers of Standard Webhooks that its signature covers. */
export const signalSchema = Type.Object(
  {
    schema: Type.Literal("witnessops/signal/v1"),
    /** `webhook-id`. */
    id: Type.String({ minLength: 1, maxLength: 256, pattern: "^[\\x21-\\x2d\\x2f-\\x7e]+$" }),
    /** `webhook-timestamp`: seconds since 1970. */
    timestamp: Type.Integer({ minimum: 0, maximum: 253_402_300_799 }),
    /** `webhook-signature`: one or more, separated by spaces. */
    signature: Type.String({ minLength: 1, maxLength: 2000 }),
    /** Base64 of the body. */
    body: Type.String({ pattern: "^[A-Za-z0-9+/]*=*$", maxLength: Math.ceil(MAX_SIGNAL_BYTES / 3) * 4 }),
  },
  word.closed,
);
export type Signal = Static<typeof signalSchema>;
