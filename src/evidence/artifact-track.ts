import { type ArtifactSink, type StoredBytes, startSink } from "./artifact-sink.ts";
import type { ArtifactFiles } from "./artifact-store.ts";
import { startMasker } from "./masking.ts";
import { startSealedSink } from "./sealed-sink.ts";
import type { Needle } from "./secret-forms.ts";

/** A sink behind a masker: what is kept, and hashed, never held a secret. */
export interface ArtifactTrack {
  /** How many occurrences were masked so far. */
  readonly masked: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Says that no more comes: `masked` is final then. To be called once, before `keep`. */
  end(): Promise<void>;
  keep(): Promise<StoredBytes>;
  drop(): Promise<void>;
}

/**
 * Starts a track. Without needles the bytes pass as they are, neither copied nor searched.
 *
 * @param recipients to whom it is sealed; undefined when it is kept in the clear.
 */
export function startTrack(
  files: ArtifactFiles,
  needles: readonly Needle[],
  recipients?: readonly string[],
): ArtifactTrack {
  const sink: ArtifactSink = recipients === undefined ? startSink(files) : startSealedSink(files, recipients);
  if (needles.length === 0) {
    return { masked: 0, write: sink.write, end: async () => {}, keep: sink.keep, drop: sink.drop };
  }
  const masker = startMasker(needles);
  return {
    get masked() {
      return masker.masked;
    },
    async write(bytes) {
      const decided = masker.push(bytes);
      if (decided.length > 0) await sink.write(decided);
    },
    end: () => sink.write(masker.end()),
    keep: sink.keep,
    drop: sink.drop,
  };
}
