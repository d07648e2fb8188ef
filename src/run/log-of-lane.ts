import type { Digest } from "../format/digest.ts";
import type { NoteKey } from "../format/signed-note.ts";
import type { LogError } from "../ledger/log-error.ts";
import type { SignedHead } from "../ledger/make-checkpoint.ts";
import type { LineageError } from "../ledger/witnesses.ts";

/** The transparency log of a workspace, as its lane knows it. */
export interface LaneLog {
  readonly key: NoteKey;
  /** Whether runs that are opened now promise it. */
  readonly isPromised: boolean;
  /** Why no checkpoint can be made until a person decides; undefined while one can. */
  readonly refusal: LogError | LineageError | undefined;
  /**
   * Logs every receipt that is committed by now, signs and publishes. Waits for another process that does so.
   *
   * @returns undefined when there is nothing to log.
   * @throws LogError as `makeCheckpoint`; StoreError.
   */
  checkpoint(): Promise<SignedHead | undefined>;
  /**
   * The newest checkpoint that enough witnesses cosigned, as signed bytes: what cites it was made after them. Not one
   * whose witnesses' clocks are ahead of this host's, which would contradict what the host claims.
   *
   * @param now milliseconds since the epoch.
   */
  witnessed(now: number): { readonly digest: Digest; readonly bytes: Uint8Array } | undefined;
}
