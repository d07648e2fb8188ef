import { type Artifact, MAX_RESULT_BYTES, RESULT_ARTIFACT, RESULT_MEDIA_TYPE } from "../contract/artifact.ts";
import { type ArtifactOrigin, CaptureRefused, type CaptureSession } from "../contract/capture.ts";
import type { ArtifactRule } from "../contract/contract.ts";
import { type Sensitivity, sensitivities } from "../contract/vocabulary.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { bytesOfSize } from "../format/duration.ts";
import { deepFreeze, type Json, type JsonObject } from "../format/json.ts";
import { utcFromMillis } from "../format/time.ts";
import { type ArtifactCapture, type CapturedBytes, startArtifact } from "./artifact-capture.ts";
import { startSink } from "./artifact-sink.ts";
import type { ArtifactFiles } from "./artifact-store.ts";
import { EvidenceError } from "./evidence-error.ts";
import { maskBytesOf, maskJson, maskText } from "./masking.ts";
import { startSealedSink } from "./sealed-sink.ts";
import { needlesOf } from "./secret-forms.ts";

/** A contract's rule for an artifact; without a sensitivity it is evidence that nobody has classified. */
export type CaptureRule = Omit<ArtifactRule, "sensitivity"> & Partial<Pick<ArtifactRule, "sensitivity">>;

export interface CaptureOptions {
  /** The contract's `evidence.artifacts`. */
  readonly rules: readonly CaptureRule[];
  /** The contract's `evidence.maxBytes`: what the attempt's artifacts may have together. */
  readonly maxBytes: number;
  /** `invocation/attempt`; an artifact's id is this, a slash and its name. */
  readonly idPrefix: string;
  /** Values that must not get into the evidence. */
  readonly secrets: readonly string[];
  /** Age recipients to whom artifacts of sensitivity `secret` are sealed; default none. */
  readonly recipients?: readonly string[];
  readonly files: ArtifactFiles;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** An artifact with the bytes that belong into the database; without them it is durable in a file. */
export interface CapturedArtifact {
  readonly artifact: Artifact;
  readonly inline?: Uint8Array;
}

/** The capture of one attempt, as the run sees it. */
export interface AttemptCapture extends CaptureSession {
  /** Masks secrets in a text that goes into a receipt, such as an error message. */
  maskText(text: string): string;
  /**
   * Closes the capture and returns its artifacts in the order they were opened; those that were not ended
   * are cut short. Throws the storage's fault if there was one: then nothing may be recorded as captured.
   */
  finish(): Promise<readonly CapturedArtifact[]>;
  /** Closes the capture and drops what is not yet durable; never throws. */
  abort(): Promise<void>;
}

interface Opened {
  readonly name: string;
  readonly capture: Pick<ArtifactCapture, "ended" | "settle" | "drop">;
  readonly artifact: (captured: CapturedBytes) => Artifact;
}

/** Sizes that the metadata's schema allows (`contract/artifact.ts`). */
const MAX_SOURCE = 300;
const MAX_MEDIA_TYPE = 200;
const MAX_REFERENCE = 512;

/**
 * Opens the capture of one attempt.
 *
 * @throws EvidenceError `SECRET_TOO_SHORT`, `NO_RECIPIENTS`.
 */
export function openCapture(options: CaptureOptions): AttemptCapture {
  const { rules, idPrefix, files, clock, recipients = [] } = options;
  const resultSensitivity = highest(rules);
  if (resultSensitivity === "secret" && recipients.length === 0) throw noRecipients();
  const needles = needlesOf(options.secrets);
  const allowance = { left: options.maxBytes };
  const opened = new Map<string, Opened>();
  let closed = false;

  const mask = (text: string): string => maskText(text, needles).text;
  const short = (text: string, length: number): string => mask(text).slice(0, length).toWellFormed();

  function claim(name: string): void {
    if (closed)
      throw new CaptureRefused("CAPTURE_CLOSED", `the attempt has ended, \`${name}\` cannot be opened`);
    if (opened.has(name))
      throw new CaptureRefused("ARTIFACT_TWICE", `artifact \`${name}\` was opened before`);
  }

  function reference(name: string): string {
    return opened.has(name) ? `${idPrefix}/${name}` : short(name, MAX_REFERENCE);
  }

  /** Metadata of an artifact, once its bytes are known. */
  function describe(
    name: string,
    sensitivity: Sensitivity | undefined,
    mediaType: string,
    origin: Pick<ArtifactOrigin, "source" | "derivedFrom">,
  ): (captured: CapturedBytes) => Artifact {
    const fixed = {
      id: `${idPrefix}/${name}`,
      name,
      mediaType: short(mediaType, MAX_MEDIA_TYPE),
      ...(sensitivity === undefined ? {} : { sensitivity }),
      source: short(origin.source, MAX_SOURCE),
      ...(origin.derivedFrom === undefined ? {} : { derivedFrom: reference(origin.derivedFrom) }),
    };
    return ({ digest, size, masked, truncated, endedAt, sealed }) => ({
      ...fixed,
      digest,
      size,
      capturedAt: utcFromMillis(endedAt),
      exact: masked === 0 && !truncated,
      masked,
      ...(truncated ? { truncated } : {}),
      ...(sealed === undefined ? {} : { sealed }),
    });
  }

  return {
    wants: (name) => name !== RESULT_ARTIFACT && rules.some((rule) => rule.name === name),

    open(name, origin) {
      claim(name);
      const rule = rules.find((one) => one.name === name);
      if (rule === undefined || name === RESULT_ARTIFACT) {
        throw new CaptureRefused(
          "ARTIFACT_UNDECLARED",
          `the contract does not declare an artifact \`${name}\``,
        );
      }
      const capture = startArtifact({
        name,
        files,
        needles,
        contentEncoding: origin.contentEncoding,
        maxBytes: rule.maxBytes === undefined ? Number.POSITIVE_INFINITY : bytesOfSize(rule.maxBytes),
        allowance,
        clock,
        recipients: rule.sensitivity === "secret" ? recipients : undefined,
      });
      const mediaType = origin.mediaType ?? rule.mediaType;
      opened.set(name, { name, capture, artifact: describe(name, rule.sensitivity, mediaType, origin) });
      return { write: capture.write, end: capture.end };
    },

    async putResult(value) {
      claim(RESULT_ARTIFACT);
      const result = maskJson(value, needles);
      const bytes = canonicalBytes(result.value);
      if (maskBytesOf(bytes, needles).masked > 0) {
        throw new EvidenceError({
          code: "RESULT_UNMASKABLE",
          message: "a secret occurs in the structure of the result and cannot be masked there",
          hint: "use a secret that is not a piece of JSON",
        });
      }
      if (bytes.length > MAX_RESULT_BYTES) {
        throw new EvidenceError({
          code: "RESULT_TOO_LARGE",
          message: `the result has more than ${MAX_RESULT_BYTES} bytes`,
          hint: "let the contract ask for less; what is large belongs into an artifact",
        });
      }
      const stored = resultSensitivity === "secret" ? startSealedSink(files, recipients) : startSink(files);
      const settled = (async () => {
        await stored.write(bytes);
        return { ...(await stored.keep()), masked: result.masked, truncated: false, endedAt: clock() };
      })();
      settled.catch(() => undefined);
      opened.set(RESULT_ARTIFACT, {
        name: RESULT_ARTIFACT,
        capture: { ended: true, settle: () => settled, drop: stored.drop },
        artifact: describe(RESULT_ARTIFACT, resultSensitivity, RESULT_MEDIA_TYPE, {
          source: "adapter result",
        }),
      });
      await settled;
      return deepFreeze(JSON.parse(new TextDecoder().decode(bytes)) as Json) as JsonObject;
    },

    get finished() {
      return [...opened.values()].filter(({ capture }) => capture.ended).map(({ name }) => name);
    },

    maskText: mask,

    async finish() {
      closed = true;
      const ends = await Promise.allSettled(
        [...opened.values()].map(async ({ capture, artifact }) => {
          const captured = await capture.settle();
          const { inline } = captured;
          return freezeCaptured(artifact(captured), inline);
        }),
      );
      return Object.freeze(
        ends.map((end) => {
          if (end.status === "rejected") throw end.reason;
          return end.value;
        }),
      );
    },

    async abort() {
      closed = true;
      await Promise.all([...opened.values()].map(({ capture }) => capture.drop()));
    },
  };
}

function freezeCaptured(artifact: Artifact, inline: Uint8Array | undefined): CapturedArtifact {
  return Object.freeze({ artifact: Object.freeze(artifact), ...(inline === undefined ? {} : { inline }) });
}

function noRecipients(): EvidenceError {
  return new EvidenceError({
    code: "NO_RECIPIENTS",
    message: "there is nobody to seal `secret` evidence to",
    hint: "name age recipients in the engagement's `evidence.recipients` and authorize it again",
  });
}

/** The result may repeat what any artifact holds. */
function highest(rules: readonly CaptureRule[]): Sensitivity {
  const ranks = rules.map((rule) => sensitivities.indexOf(rule.sensitivity ?? "confidential"));
  return sensitivities[Math.max(sensitivities.indexOf("internal"), ...ranks)] ?? "internal";
}
