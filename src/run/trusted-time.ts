/** A time stamping authority that the workspace asks (RFC 3161). */
export interface TimeAuthority {
  readonly name: string;
  /**
   * Asks for a token over bytes and checks it: about them, with the nonce that was sent, signed, and of this authority
   * as far as its certificates are known. Never throws for what the authority or the network does.
   *
   * @param stamped a DSSE signature.
   * @param deadlineMs milliseconds until it counts as not answering.
   */
  stamp(stamped: Uint8Array, deadlineMs: number): Promise<StampAnswer>;
}

/** A checked token, or why there is none; `isDown` when asking again at once would be in vain. */
export type StampAnswer =
  | {
      readonly ok: true;
      /** TimeStampResp, DER. */
      readonly token: Uint8Array;
      /** The latest instant that it leaves, in milliseconds since the epoch. */
      readonly notAfter: number;
    }
  | { readonly ok: false; readonly why: string; readonly isDown: boolean };

/** How a workspace has its time attested. */
export interface TrustedTime {
  readonly authorities: readonly TimeAuthority[];
  /** How many of them must stamp what is promised. */
  readonly threshold: number;
  /** Whether runs promise it when they open. */
  readonly promise: boolean;
}
