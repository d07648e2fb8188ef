// Vectors of the transparency log: whole bundles with one fault each, and tiles, roots and proofs as plain JSON.
import { logEntryBytes, logLeaf } from "../src/contract/log-entry.ts";
import type { Trust } from "../src/contract/trust.ts";
import { toBase64, toHex } from "../src/format/base64.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { digestOf, digestOfJson, hexOf } from "../src/format/digest.ts";
import { leafHash, rootOf } from "../src/format/merkle.ts";
import { partialTiles, tilePath, tilesAbove } from "../src/format/tile.ts";
import { tlogProofText } from "../src/ledger/tlog-proof.ts";
import { proveInclusion } from "../src/ledger/tree-proof.ts";
import { type Forgery, flipBit, forge } from "../test/fixtures/forge-bundle.ts";
import { type Relog, readEntries, relogged, signCheckpoint } from "../test/fixtures/forge-log.ts";
import {
  keyFromName,
  SAMPLE_LOG,
  type SampleBundle,
  type SampleOptions,
  sampleBundle,
  sampleKeys,
  sampleLogKey,
  sampleTrust,
} from "../test/fixtures/sample-bundle.ts";

export interface BundleVector {
  readonly path: string;
  readonly about: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly trust: Trust;
  readonly verdict: "valid" | "invalid" | "indeterminate";
  readonly codes: readonly string[];
}

const INCLUSION = "FAILURE_INCLUSION_INVALID";
const LINEAGE = "FAILURE_WITNESS_LINEAGE_MISMATCH";
const COMPLETENESS = "FAILURE_COMPLETENESS";
const MALFORMED = "FAILURE_BUNDLE_MALFORMED";
const hello = { id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } };

/** Bundles with a log. */
export async function logBundles(): Promise<BundleVector[]> {
  const options: SampleOptions = { steps: [hello], conclusion: false, log: true };
  const small = await sampleBundle(options);
  const large = await sampleBundle({ ...options, logged: 600 });
  const comparable = await sampleBundle({ ...options, logged: 600, sizes: [300] });
  const trusting = (checkpoint?: { size: number; root: string }): Trust =>
    sampleTrust({ logs: [{ key: sampleLogKey(), ...(checkpoint === undefined ? {} : { checkpoint }) }] });
  const trust = trusting();
  const size = readEntries(small.files).length;
  const partial = `log/tile/0/000.p/${size}`;
  const smallLeaves = hashes(small, partial);
  const leaves = [...hashes(comparable, "log/tile/0/000"), ...hashes(comparable, "log/tile/0/001")];
  const pin = { size: 300, root: toBase64(rootOf(leaves.slice(0, 300))) };
  const half = { size: 4, root: toBase64(rootOf(smallLeaves.slice(0, 4))) };
  const vectors: BundleVector[] = [];
  const add = (
    path: string,
    about: string,
    files: ReadonlyMap<string, Uint8Array>,
    found: { verdict?: BundleVector["verdict"]; codes?: readonly string[]; trust?: Trust } = {},
  ): void =>
    void vectors.push({ path: `bundle/${path}`, about, files, trust, verdict: "valid", codes: [], ...found });
  const reject = async (name: string, about: string, code: string, forgery: Forgery, from = small) =>
    add(`reject/log-${name}`, about, await forge(from, forgery), { verdict: "invalid", codes: [code] });
  const file = (path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Forgery => ({
    files(files) {
      const changed = change(files.get(path) ?? new Uint8Array());
      if (changed === undefined) files.delete(path);
      else files.set(path, changed);
    },
  });
  const index = (change: (streams: Record<string, number[]>) => void): Forgery =>
    file("log/index.json", (bytes) => {
      const value = JSON.parse(new TextDecoder().decode(bytes));
      change(value.streams);
      return canonicalBytes(value);
    });

  add("accept/log", "every receipt is in the log", small.files);
  add("accept/log-tiles", "entries of others between, tiles of two levels", large.files);
  add("accept/log-pinned", "the log continues a head that the reviewer has seen", small.files, {
    trust: trusting(half),
  });
  add("accept/log-comparable", "with the tiles of a pinned size", comparable.files, { trust: trusting(pin) });
  add("accept/log-unlisted", "the trust file says nothing of logs", small.files, { trust: sampleTrust() });
  const bound = await lowerBound(small, 2, {});
  add("accept/log-lower-bound", "a receipt that names an earlier head of the log", bound);

  await reject("leaf", "one bit of a leaf hash flipped", INCLUSION, file(partial, flipped));
  await reject("tile", "one bit of a full tile flipped", INCLUSION, file("log/tile/0/000", flipped), large);
  await reject("entry", "a leaf that is another entry's, tree and checkpoint made to fit", INCLUSION, {
    ...relogged({ leaves: (all) => void all.splice(2, 1, leafHash(new TextEncoder().encode("other"))) }),
  });
  await reject(
    "index-short",
    "a receipt without its index",
    INCLUSION,
    index((of) => void of.workspace?.pop()),
  );
  await reject(
    "index-other",
    "a receipt at another's index",
    INCLUSION,
    index((of) => void of.workspace?.splice(0, 1, 1)),
  );
  await reject(
    "index-stream",
    "a stream that is not in the bundle",
    INCLUSION,
    index((of) => void Object.assign(of, { "run:other": [0] })),
  );
  await reject(
    "tile-absent",
    "the partial tile is absent",
    COMPLETENESS,
    file(partial, () => undefined),
  );
  await reject(
    "full-tile-absent",
    "a full tile is absent",
    COMPLETENESS,
    file("log/tile/0/000", () => undefined),
    large,
  );
  await reject(
    "index-absent",
    "the index is absent",
    COMPLETENESS,
    file("log/index.json", () => undefined),
  );
  await reject(
    "checkpoint-absent",
    "the checkpoint is absent",
    COMPLETENESS,
    file("log/checkpoint", () => undefined),
  );
  await reject(
    "stripped",
    "a log that the run promised, taken out of the bundle and the claim",
    COMPLETENESS,
    {
      files: (files) => {
        for (const path of [...files.keys()]) if (path.startsWith("log/")) files.delete(path);
      },
      claim: (claim) => void Object.assign(claim, { checkpoint: null }),
    },
  );
  await reject(
    "extra-file",
    "a file that no log has",
    MALFORMED,
    file("log/notes", () => new Uint8Array([1])),
  );
  await reject(
    "tile-unknown",
    "a tile that the tree does not have",
    MALFORMED,
    file("log/tile/1/000.p/1", () => new Uint8Array(32)),
  );
  const zeros: Relog = { text: (text) => text.replace(/\n([0-9]+)\n/, "\n0$1\n") };
  await reject("leading-zero", "a size with a leading zero", MALFORMED, relogged(zeros));
  await reject(
    "extension-line",
    "a checkpoint with a fourth line",
    MALFORMED,
    relogged({ text: (text) => `${text}more\n` }),
  );
  await reject("claim-other", "a claim with another size", "FAILURE_DIGEST_MISMATCH", {
    claim: (claim) =>
      void Object.assign(claim, { checkpoint: { origin: SAMPLE_LOG, size: 1, root: half.root } }),
  });
  await reject("other-key", "a checkpoint by another key", LINEAGE, relogged({ signer: sampleKeys.mallory }));
  await reject(
    "other-origin",
    "a checkpoint of another log",
    LINEAGE,
    relogged({ origin: "example.test/other" }),
  );
  add(
    "reject/log-lower-bound-fork",
    "a receipt that names a head of another history",
    await lowerBound(small, 2, { fork: true }),
    {
      verdict: "invalid",
      codes: [LINEAGE],
    },
  );
  add(
    "reject/log-lower-bound-key",
    "a receipt that names a head by another key",
    await lowerBound(small, 2, { signer: sampleKeys.mallory }),
    {
      verdict: "invalid",
      codes: [LINEAGE],
    },
  );
  const fork = { size, root: half.root };
  add("reject/log-fork", "another root at the size that the reviewer has seen", small.files, {
    verdict: "invalid",
    codes: [LINEAGE],
    trust: trusting(fork),
  });
  add("reject/log-rewritten", "another history below the head that the reviewer has seen", small.files, {
    verdict: "invalid",
    codes: [LINEAGE],
    trust: trusting({ size: 4, root: fork.root === half.root ? pin.root : half.root }),
  });
  add("reject/log-listed-key", "the log is listed with another key", small.files, {
    verdict: "invalid",
    codes: [LINEAGE],
    trust: sampleTrust({ logs: [{ key: sampleLogKey(SAMPLE_LOG, keyFromName("other")) }] }),
  });
  const open = { verdict: "indeterminate" } as const;
  add("reject/log-shrunk", "fewer entries than the reviewer has seen", small.files, {
    ...open,
    trust: trusting({ size: size + 1, root: half.root }),
  });
  add("reject/log-not-comparable", "the tiles do not show the pinned size", large.files, {
    ...open,
    trust: trusting(pin),
  });
  add("reject/log-other-listed", "another log is listed, this one is not", small.files, {
    ...open,
    trust: sampleTrust({ logs: [{ key: sampleLogKey("example.test/other") }] }),
  });
  const ended = sampleLogKey(SAMPLE_LOG, keyFromName("old log"));
  add("reject/log-pin-of-ended-key", "a pin beside a key of the origin that has ended", small.files, {
    verdict: "invalid",
    codes: [LINEAGE],
    trust: sampleTrust({
      logs: [
        { key: ended, notAfter: "2026-01-01T00:00:00Z", checkpoint: { size: 1, root: fork.root } },
        { key: sampleLogKey() },
      ],
    }),
  });
  const lost = [{ keyId: sampleKeys.log.publicKey.keyId, since: "2026-01-01T00:00:00Z" }];
  add("reject/log-key-compromised", "the log's key may have been in other hands", small.files, {
    ...open,
    trust: sampleTrust({ logs: [{ key: sampleLogKey() }], compromised: lost }),
  });
  const unpromised = await sampleBundle({
    ...options,
    before: async (lane) =>
      lane.log === undefined ? lane : { ...lane, log: { ...lane.log, isPromised: false } },
  });
  const stripped: Forgery = {
    files: (files) => {
      for (const path of [...files.keys()]) if (path.startsWith("log/")) files.delete(path);
    },
    claim: (claim) => void Object.assign(claim, { checkpoint: null }),
  };
  add(
    "reject/log-left-out",
    "a log that the workspace started and no run promised, taken out",
    await forge(unpromised, stripped),
    { ...open, trust: sampleTrust() },
  );
  const unnamed = await signCheckpoint(
    { origin: "example.test/other" },
    { size: 9, root: leafHash(new Uint8Array()) },
  );
  add(
    "accept/log-lower-bound-unnamed",
    "checkpoints that no receipt names: they are not read",
    await forge(small, {
      files: (files) => {
        files.set(`log/lower/${hexOf(digestOf(unnamed))}`, unnamed);
        files.set(`log/lower/${"0".repeat(64)}`, new Uint8Array([1]));
      },
    }),
  );
  const old = { origin: "example.test/old", size: 50, root: pin.root };
  const knows = (checkpoint: { size: number; root: string }): Trust =>
    sampleTrust({ logs: [{ key: sampleLogKey() }, { key: sampleLogKey(old.origin), checkpoint }] });
  const linked = await continuing(small, old);
  add("accept/log-previous", "a log that continues the head of another, which the reviewer pins", linked, {
    trust: knows({ size: 50, root: old.root }),
  });
  add(
    "reject/log-previous-larger",
    "nothing shows whether that head continues the one that is pinned",
    linked,
    {
      ...open,
      trust: knows({ size: 40, root: half.root }),
    },
  );
  const mismatch = { verdict: "invalid", codes: [LINEAGE] } as const;
  add("reject/log-previous-smaller", "a log that continues a head behind the one that is pinned", linked, {
    ...mismatch,
    trust: knows({ size: 51, root: half.root }),
  });
  add("reject/log-previous-other", "another root than the one that is pinned", linked, {
    ...mismatch,
    trust: knows({ size: 50, root: half.root }),
  });
  add(
    "reject/log-previous-fork",
    "a receipt that names another root of the head that the log continues",
    await continuing(small, old, { size: 50, root: leafHash(new Uint8Array()) }),
    mismatch,
  );
  add(
    "reject/log-previous-pinned-fork",
    "a receipt that names another root than the one that is pinned of an earlier log",
    await continuing(small, old, { size: 40, root: leafHash(new Uint8Array()) }),
    { ...mismatch, trust: knows({ size: 40, root: half.root }) },
  );
  add(
    "reject/log-previous-spelling",
    "a root in base64 whose unused bits are not zero",
    await continuing(small, { ...old, root: `${"A".repeat(42)}B=` }),
    { verdict: "invalid", codes: [MALFORMED] },
  );
  return vectors;
}

/** A bundle whose log continues a head of another, of which `run-opened` names one. */
async function continuing(
  from: SampleBundle,
  previous: { readonly origin: string; readonly size: number; readonly root: string },
  named?: { readonly size: number; readonly root: Uint8Array },
) {
  const note = named && (await signCheckpoint({ origin: previous.origin }, named));
  return forge(
    from,
    relogged(
      {},
      {
        receipt: ({ predicate, subject }) => {
          if (predicate.event === "run-opened" && note !== undefined)
            predicate.time.lowerBound = digestOf(note);
          if (predicate.event !== "log-started") return undefined;
          predicate.detail = { ...predicate.detail, previous };
          Object.assign(subject[0]?.digest ?? {}, { sha256: hexOf(digestOfJson(predicate.detail)) });
          return undefined;
        },
        files: (files) => void (note && files.set(`log/lower/${hexOf(digestOf(note))}`, note)),
      },
    ),
  );
}

/** A bundle whose `run-opened` names a head of `count` entries as its lower bound. */
async function lowerBound(from: SampleBundle, count: number, how: Relog & { readonly fork?: boolean }) {
  const all = readEntries(from.files).map(logLeaf);
  const root = how.fork ? leafHash(new Uint8Array()) : rootOf(all.slice(0, count));
  const note = await signCheckpoint(how, { size: count, root });
  const lower = digestOf(note);
  return forge(
    from,
    relogged(
      {},
      {
        receipt: (draft) => {
          if (draft.predicate.event === "run-opened") draft.predicate.time.lowerBound = lower;
          return undefined;
        },
        files: (files) => void files.set(`log/lower/${hexOf(lower)}`, note),
      },
    ),
  );
}

/** Tiles, roots and proofs, by path below `vectors/`. */
export async function logFormats(): Promise<Record<string, unknown>> {
  const entry = { receipt: digestOf("a receipt"), stream: "engagement:acme", seq: 3 };
  const leaves = Array.from({ length: 70_000 }, (_, i) => leafHash(new TextEncoder().encode(String(i))));
  const sizes = [1, 2, 3, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 70_000];
  const proved = leaves.slice(0, 5);
  const root = rootOf(proved);
  const checkpoint = await signCheckpoint({}, { size: 5, root });
  const path = proveInclusion(2, 5, (_level, from, to) => proved.slice(from, to));
  return {
    "log/entry.json": {
      ...entry,
      bytes: new TextDecoder().decode(logEntryBytes(entry)),
      leafHash: toHex(logLeaf(entry)),
    },
    "log/tiles.json": {
      about: "entry i is the decimal number i; `above` are the tiles from that entry's leaf up",
      sizes: sizes.map((size) => ({
        size,
        root: toHex(rootOf(leaves.slice(0, size))),
        partial: partialTiles(size).map(tilePath),
        above: [0, Math.floor(size / 2), size - 1].map((index) => ({
          index,
          tiles: tilesAbove(index, size).map(tilePath),
        })),
      })),
    },
    "log/proof.json": {
      key: sampleLogKey(),
      entry: "2",
      proof: tlogProofText({ extra: new TextEncoder().encode("2"), index: 2, path, checkpoint }),
    },
  };
}

function hashes(from: SampleBundle, path: string): Uint8Array[] {
  const bytes = from.files.get(path) ?? new Uint8Array();
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
}

function flipped(bytes: Uint8Array): Uint8Array {
  const files = new Map([["file", bytes]]);
  flipBit(files, "file");
  return files.get("file") ?? bytes;
}
