import {
  type NoteSignature,
  parseSignedNote,
  type SignedNote,
  signedNoteBytes,
} from "../../format/signed-note.ts";
import type { Cosigned, CosignRequest, Witnesses } from "../../ledger/witnesses.ts";
import { type Asked, askWitness, type WitnessEndpoint } from "./ask-witness.ts";
import { openPoster } from "./post-bytes.ts";

/** How the witnesses of a workspace are asked. */
export interface WitnessOptions {
  /** How many must cosign. Default: all. */
  readonly quorum?: number | undefined;
  /** How long one asking takes at most. Default: 3,000 ms. */
  readonly timeoutMs?: number;
  /** How long the others are waited for once there are enough. Default: 500 ms. */
  readonly graceMs?: number;
  /** For how long one that was down is not asked again, at first; it doubles up to 16 times that. Default: 5,000 ms. */
  readonly restMs?: number;
  /** Further certificate authorities, PEM. Default: those of the host alone. */
  readonly extraCa?: string | undefined;
}

/** The witnesses on a workspace's list, asked over HTTP; `close` ends their connections. */
export function openWitnesses(
  endpoints: readonly WitnessEndpoint[],
  {
    quorum = endpoints.length,
    timeoutMs = 3_000,
    graceMs = 500,
    restMs = 5_000,
    extraCa,
  }: WitnessOptions = {},
): Witnesses & { close(): void } {
  const poster = openPoster(extraCa);
  /** What each cosigned last, as far as this process knows. */
  const known = new Map<string, number>();
  /** Those that were down lately: waiting for them each time would hold up every checkpoint. */
  const resting = new Map<string, { until: number; times: number }>();

  async function ask(endpoint: WitnessEndpoint, request: CosignRequest, signal: AbortSignal): Promise<Asked> {
    const id = `${endpoint.key.name}+${endpoint.key.id}`;
    const rest = resting.get(id);
    if (rest !== undefined && performance.now() < rest.until)
      return { why: "down", detail: "it was down a moment ago" };
    const asked = await askWitness(endpoint, poster, request, known.get(id) ?? 0, signal);
    if ("signature" in asked) known.set(id, Math.max(known.get(id) ?? 0, request.checkpoint.size));
    else known.delete(id);
    if ("signature" in asked || asked.why !== "down") resting.delete(id);
    else {
      const times = Math.min((rest?.times ?? 0) + 1, 5);
      resting.set(id, { until: performance.now() + restMs * 2 ** (times - 1), times });
    }
    return asked;
  }

  /** The configured witnesses that cosigned a note already; their signatures were verified when they came. */
  const cosignersOf = (note: SignedNote): WitnessEndpoint[] =>
    endpoints.filter(({ key }) => note.signatures.some(({ name, id }) => name === key.name && id === key.id));

  return {
    names: endpoints.map(({ key }) => key.name),
    async cosign(request): Promise<Cosigned> {
      const ended = new AbortController();
      const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)]);
      const before = parseSignedNote(request.note);
      const there = cosignersOf(before);
      const by = there.map(({ key }) => key.name);
      const added: NoteSignature[] = [];
      const missing: Cosigned["missing"][number][] = [];
      let grace: NodeJS.Timeout | undefined;
      try {
        const each = endpoints.map(async (endpoint) => {
          if (there.includes(endpoint)) return;
          const asked = await ask(endpoint, request, signal);
          const { name } = endpoint.key;
          if ("signature" in asked) {
            added.push(asked.signature);
            by.push(name);
          } else missing.push({ name, why: asked.why, detail: asked.detail });
          // Enough is enough, but those who are about to answer are welcome.
          if (by.length >= quorum) grace ??= setTimeout(() => ended.abort(), graceMs);
        });
        await Promise.all(each);
      } finally {
        clearTimeout(grace);
        ended.abort();
      }
      const note = signedNoteBytes({ text: before.text, signatures: [...before.signatures, ...added] });
      return { note, by, enough: by.length >= quorum, missing };
    },
    isEnough: (note) => cosignersOf(parseSignedNote(note)).length >= quorum,
    close: () => poster.close(),
  };
}
