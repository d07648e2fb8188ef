import { beforeAll, describe, expect, it } from "vitest";
import {
  bytesOf,
  codes,
  failedLayers,
  layerOf,
  stepOf,
  textOf,
  verify,
} from "../../test/fixtures/check-bundle.ts";
import { type Forgery, flipBit, forge } from "../../test/fixtures/forge-bundle.ts";
import { type Relog, readEntries, relogged, signCheckpoint } from "../../test/fixtures/forge-log.ts";
import {
  keyFromName,
  SAMPLE_LOG,
  type SampleBundle,
  type SampleOptions,
  sampleBundle,
  sampleKeys,
  sampleLogKey,
  sampleTrust,
} from "../../test/fixtures/sample-bundle.ts";
import { type LogEntry, logEntryBytes, logLeaf } from "../contract/log-entry.ts";
import type { Trust } from "../contract/trust.ts";
import { toBase64 } from "../format/base64.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { digestOf, hexOf } from "../format/digest.ts";
import { leafHash, rootOf } from "../format/merkle.ts";
import { partialTiles } from "../format/tile.ts";

const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
const options: SampleOptions = { steps, conclusion: false, log: true };
type Log = NonNullable<Trust["logs"]>[number];
const trusting = (more: Partial<Log> = {}) => sampleTrust({ logs: [{ key: sampleLogKey(), ...more }] });
let sample: SampleBundle;
/** As `sample`, with 300 receipts of others in the log: tiles of two levels, and entries that are not in the bundle. */
let large: SampleBundle;
let size = 0;
beforeAll(async () => {
  sample = await sampleBundle(options);
  large = await sampleBundle({ ...options, logged: 600 });
  size = readEntries(sample.files).length;
}, 60_000);

const paths = (from: SampleBundle) => [...from.files.keys()].filter((path) => path.startsWith("log/"));
/** The root that the sample's log had at a size: by the leaves in its one tile. */
const root = (count: number) =>
  toBase64(rootOf(chunks(sample.files.get(`log/tile/0/000.p/${size}`) ?? new Uint8Array()).slice(0, count)));
async function verdict(files: ReadonlyMap<string, Uint8Array>, trust = trusting()) {
  const report = await verify(files, trust);
  return [report.verdict, codes(report)];
}
const forged = async (forgery: Forgery, from = sample, trust = trusting()) =>
  verdict(await forge(from, forgery), trust);
const onFile = (path: string, change: (text: string) => string): Forgery => ({
  files: (files) => void files.set(path, bytesOf(change(textOf(files.get(path))))),
});
const onIndex = (change: (streams: Record<string, number[]>) => void): Forgery => ({
  files(files) {
    const index = JSON.parse(textOf(files.get("log/index.json")));
    change(index.streams);
    files.set("log/index.json", canonicalBytes(index));
  },
});

describe("a file of the log that is too large to be read", () => {
  it("excuses nothing", async () => {
    const large = new Uint8Array(16 * 1024 ** 2 + 1).fill(0x20);
    const tile = paths(sample).find((path) => path.startsWith("log/tile/")) ?? "";
    for (const path of ["log/index.json", "log/checkpoint", tile]) {
      // A receipt that is not in the log, beside the log's own, honest head.
      const files = await forge(sample, {
        receipt: ({ predicate }) => {
          if (predicate.step?.id === "hello") predicate.receiptId = "0".repeat(32);
          return undefined;
        },
        files: (all) => void all.set(path, large),
      });
      const report = await verify(files, trusting());
      expect([path, report.verdict, failedLayers(report)]).toEqual([path, "invalid", ["log"]]);
      expect(codes(report)).toContain("FAILURE_BUNDLE_MALFORMED");
      expect(layerOf(report, "log")?.anchored).not.toBe("established");
    }
  });
});

describe("an entry of the log", () => {
  it("is canonical JSON", () => {
    const entry: LogEntry = { receipt: digestOf("x"), stream: "engagement:a.b-c", seq: 12 };
    const canonical = canonicalBytes({ ...entry, schema: "witnessops/log-entry/v1" });
    expect(textOf(logEntryBytes(entry))).toBe(textOf(canonical));
    expect(logLeaf(entry)).toEqual(leafHash(canonical));
  });
});

describe("the layer `log`", () => {
  it("holds for a bundle that the governed path made", async () => {
    const report = await verify(sample.files, trusting());
    expect([report.verdict, report.reasons]).toEqual(["valid", []]);
    expect(layerOf(report, "log")).toMatchObject({ internal: "ok", anchored: "established" });
    expect(stepOf(report, "hello")?.proofClass).toBe("strong-proof");
    expect(paths(sample).sort()).toEqual(["log/checkpoint", "log/index.json", `log/tile/0/000.p/${size}`]);
  });

  it("holds with the receipts of others between, and tiles of two levels", async () => {
    expect(await verdict(large.files)).toEqual(["valid", []]);
    const tiles = paths(large).filter((path) => path.includes("/tile/"));
    expect(tiles).toEqual(expect.arrayContaining(["log/tile/0/000", "log/tile/1/000.p/2"]));
    expect(tiles).not.toContain("log/tile/0/001");
  });

  it("is made again by hand, the same bytes", async () => {
    const again = await forge(sample, relogged());
    expect(await verdict(again)).toEqual(["valid", []]);
  });

  it("finds a changed leaf", async () => {
    const path = `log/tile/0/000.p/${size}`;
    const found = await forged({ files: (files) => flipBit(files, path) });
    expect(found).toEqual(["invalid", ["FAILURE_INCLUSION_INVALID"]]);
  });

  it("finds a tile that is absent, partial or full", async () => {
    for (const [from, path] of [
      [sample, `log/tile/0/000.p/${size}`],
      [large, "log/tile/0/000"],
      [large, "log/tile/1/000.p/2"],
    ] as const) {
      const found = await forged({ files: (files) => void files.delete(path) }, from);
      expect([path, found]).toEqual([path, ["invalid", ["FAILURE_COMPLETENESS"]]]);
    }
  });

  it("finds a full tile that is not the one below its node", async () => {
    const found = await forged({ files: (files) => flipBit(files, "log/tile/0/000", 8191) }, large);
    expect(found).toEqual(["invalid", ["FAILURE_INCLUSION_INVALID"]]);
  });

  it.each<[string, (streams: Record<string, number[]>) => void]>([
    ["lacks a receipt", (streams) => void streams.workspace?.pop()],
    ["has one more", (streams) => void streams.workspace?.push(7)],
    ["lacks a stream", (streams) => void delete streams.workspace],
    ["has another stream", (streams) => void Object.assign(streams, { "run:other": [0] })],
    ["names another place", (streams) => void streams.workspace?.splice(0, 1, 1)],
    ["goes back", (streams) => void streams.workspace?.reverse()],
    ["goes beyond the log", (streams) => void streams.workspace?.splice(-1, 1, 1_000_000)],
  ])("finds an index that %s", async (_what, change) => {
    expect(await forged(onIndex(change))).toEqual(["invalid", ["FAILURE_INCLUSION_INVALID"]]);
  });

  it.each<[string, string, Forgery]>([
    [
      "an index that is not canonical",
      "FAILURE_BUNDLE_MALFORMED",
      onFile("log/index.json", (text) => ` ${text}`),
    ],
    [
      "a file that no log has",
      "FAILURE_BUNDLE_MALFORMED",
      { files: (files) => void files.set("log/extra", bytesOf("x")) },
    ],
    [
      "a tile that the tree does not have",
      "FAILURE_BUNDLE_MALFORMED",
      { files: (files) => void files.set("log/tile/1/000.p/1", new Uint8Array(32)) },
    ],
    [
      "a checkpoint that is none",
      "FAILURE_BUNDLE_MALFORMED",
      onFile("log/checkpoint", (text) => text.replace("\n\n", "\n")),
    ],
    [
      "an absent checkpoint",
      "FAILURE_COMPLETENESS",
      { files: (files) => void files.delete("log/checkpoint") },
    ],
    ["an absent index", "FAILURE_COMPLETENESS", { files: (files) => void files.delete("log/index.json") }],
    [
      "a claim with another size",
      "FAILURE_DIGEST_MISMATCH",
      {
        claim: (claim) => {
          claim.checkpoint = { origin: SAMPLE_LOG, size: 1, root: root(1) };
        },
      },
    ],
    [
      "a claim without the checkpoint",
      "FAILURE_DIGEST_MISMATCH",
      {
        claim: (claim) => {
          claim.checkpoint = null;
        },
      },
    ],
  ])("finds %s", async (_what, code, forgery) => {
    const [found, all] = await forged(forgery);
    expect([found, all?.[0]]).toEqual(["invalid", code]);
  });

  it.each<[string, Relog]>([
    [
      "with leading zeros",
      { text: (text) => text.replace(`\n${9}`, "\n09").replace(/\n([0-9]+)\n/, "\n0$1\n") },
    ],
    ["with an extension line", { text: (text) => `${text}more\n` }],
  ])("finds a checkpoint %s", async (_what, how) => {
    expect(await forged(relogged(how))).toEqual(["invalid", ["FAILURE_BUNDLE_MALFORMED"]]);
  });

  it.each<[string, Relog]>([
    ["by another key", { signer: sampleKeys.mallory }],
    ["of another origin", { origin: "example.test/other" }],
    [
      "whose index is of another origin",
      {
        index: (index) => {
          index.origin = "example.test/other";
        },
      },
    ],
  ])("finds a log %s", async (_what, how) => {
    expect(await forged(relogged(how))).toEqual(["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]]);
  });

  it("finds a log in which a receipt was exchanged", async () => {
    const how: Relog = { leaves: (leaves) => void leaves.splice(2, 1, leafHash(bytesOf("something else"))) };
    expect(await forged(relogged(how))).toEqual(["invalid", ["FAILURE_INCLUSION_INVALID"]]);
  });

  it("that a run promised and that is absent is invalid, whatever the claim says", async () => {
    const without = (files: Map<string, Uint8Array>) => {
      for (const path of paths(sample)) files.delete(path);
    };
    expect(await forged({ files: without })).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
    const silent: Forgery = {
      files: without,
      claim: (claim) => {
        claim.checkpoint = null;
      },
    };
    expect(await forged(silent)).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
  });

  it("never holds with any byte of its files changed", async () => {
    for (const path of paths(sample)) {
      const { length } = sample.files.get(path) ?? [];
      for (let at = 0; at < (length ?? 0); at += path.includes("tile") ? 23 : 5) {
        const report = await verify(
          await forge(sample, { files: (files) => flipBit(files, path, at) }),
          trusting(),
        );
        expect([path, at, report.verdict]).not.toEqual([path, at, "valid"]);
        expect(failedLayers(report)).toContain("log");
      }
    }
  }, 120_000);
});

describe("the layer `log`, anchored", () => {
  it("is rewritten by its own operator: only who has seen a head finds it", async () => {
    const rewriting: Forgery = {
      receipt: (draft) => {
        if (draft.predicate.event === "workspace-created")
          draft.predicate.intent.objective = "another history";
        return undefined;
      },
    };
    const rewritten = await forge(sample, relogged({}, rewriting));
    expect(await verdict(rewritten)).toEqual(["valid", []]);
    for (const pinned of [1, 4, size]) {
      const trust = trusting({ checkpoint: { size: pinned, root: root(pinned) } });
      expect(await verdict(sample.files, trust)).toEqual(["valid", []]);
      expect(await verdict(rewritten, trust)).toEqual(["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]]);
    }
  });

  it("leaves the verdict open when the log has fewer entries than the reviewer has seen", async () => {
    const trust = trusting({ checkpoint: { size: size + 1, root: root(1) } });
    const report = await verify(sample.files, trust);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(report.reasons.join()).toContain("or the log has shrunk");
  });

  it("needs the tiles of a smaller size, which an export brings when it is asked", async () => {
    const pin = { size: 300, root: "" };
    const comparable = await sampleBundle({ ...options, logged: 600, sizes: [pin.size] });
    const added = paths(comparable).filter((path) => !large.files.has(path));
    expect(added).toEqual(["log/tile/0/001"]);
    // The pinned root, from the tiles by the definition of RFC 6962.
    const tile = (path: string) => comparable.files.get(path) as Uint8Array;
    const leaves = [...chunks(tile("log/tile/0/000")), ...chunks(tile("log/tile/0/001"))];
    const trust = trusting({
      checkpoint: { size: pin.size, root: toBase64(rootOf(leaves.slice(0, pin.size))) },
    });
    expect(await verdict(comparable.files, trust)).toEqual(["valid", []]);
    const open = await verify(large.files, trust);
    expect([open.verdict, open.reasons.join()]).toEqual([
      "indeterminate",
      expect.stringContaining("--comparable-with 300"),
    ]);
    const other = trusting({ checkpoint: { size: pin.size, root: root(1) } });
    expect(await verdict(comparable.files, other)).toEqual(["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]]);
    expect(partialTiles(pin.size)).toHaveLength(2);
  });

  it.each<[string, Partial<Trust>, unknown[]]>([
    ["no log", {}, ["valid", []]],
    ["no log, and requires one", { require: ["log"] }, ["indeterminate", []]],
    ["another log only", { logs: [{ key: sampleLogKey("example.test/other") }] }, ["indeterminate", []]],
    [
      "the log with another key",
      { logs: [{ key: sampleLogKey(SAMPLE_LOG, keyFromName("other")) }] },
      ["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]],
    ],
    [
      "the log with a key that was not valid yet",
      { logs: [{ key: sampleLogKey(), notBefore: "2027-01-01T00:00:00Z" }] },
      ["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]],
    ],
    [
      "both keys",
      {
        logs: [{ key: sampleLogKey(SAMPLE_LOG, keyFromName("other")) }, { key: sampleLogKey() }],
        require: ["log"],
      },
      ["valid", []],
    ],
  ])("with a trust file that lists %s", async (_what, trust, expected) => {
    expect(await verdict(sample.files, sampleTrust(trust))).toEqual(expected);
  });

  it("is required by who pins a head, also where no run promised it", async () => {
    const plain = await sampleBundle({ steps, conclusion: false });
    expect(await verdict(plain.files)).toEqual(["valid", []]);
    const pinned = trusting({ checkpoint: { size: 1, root: root(1) } });
    expect(await verdict(plain.files, pinned)).toEqual(["indeterminate", []]);
  });
});

describe("a lower bound of time", () => {
  const opened = (more: object): Forgery => ({
    receipt: (draft) => {
      if (draft.predicate.event === "run-opened") Object.assign(draft.predicate.time, more);
      return undefined;
    },
  });
  async function bounded(how: Relog, head: { size: number; root: Uint8Array }, more: Forgery = {}) {
    const note = await signCheckpoint(how, head);
    const named = digestOf(note);
    const path = `log/lower/${hexOf(named)}`;
    const forgery: Forgery = {
      ...opened({ lowerBound: named }),
      files: async (files) => {
        files.set(path, note);
        await more.files?.(files);
      },
    };
    return forge(sample, relogged({}, forgery));
  }
  const leaves = () => readEntries(sample.files).map(logLeaf);
  const at = (count: number) => ({ size: count, root: rootOf(leaves().slice(0, count)) });

  it("holds when the log continues it", async () => {
    // Receipts before `run-opened` keep their digests: the root of those is the same.
    expect(await verdict(await bounded({}, at(2)))).toEqual(["valid", []]);
  });

  it("is found when it is of another history, another key, or larger than the log", async () => {
    const other = { size: 2, root: leafHash(bytesOf("other")) };
    const mismatch = ["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]];
    expect(await verdict(await bounded({}, other))).toEqual(mismatch);
    expect(await verdict(await bounded({ signer: sampleKeys.mallory }, at(2)))).toEqual(mismatch);
    expect(await verdict(await bounded({ origin: "example.test/other" }, at(2)))).toEqual(mismatch);
    const [found, all] = await verdict(await bounded({}, { ...other, size: 1000 }));
    expect([found, all]).toEqual(["invalid", expect.arrayContaining(["FAILURE_WITNESS_LINEAGE_MISMATCH"])]);
  });

  it("is found when the receipt is older than it, when it is absent, or not what its name says", async () => {
    const late = await bounded({}, at(2), {});
    expect(await verdict(late)).toEqual(["valid", []]);
    expect(await forged(relogged({}, opened({ lowerBound: digestOf("nothing") })))).toEqual([
      "invalid",
      ["FAILURE_COMPLETENESS"],
    ]);
    const path = `log/lower/${hexOf(digestOf("nothing"))}`;
    const misnamed = { files: (files: Map<string, Uint8Array>) => void files.set(path, bytesOf("other")) };
    expect(
      await forged(relogged({}, { ...opened({ lowerBound: digestOf("nothing") }), ...misnamed })),
    ).toEqual(["invalid", ["FAILURE_HASH_MISMATCH"]]);
  });

  it("is not read where no receipt names it: a bundle may be full of them", async () => {
    const note = await signCheckpoint(
      { origin: "example.test/unknown" },
      { size: 9, root: leafHash(bytesOf("")) },
    );
    const files = await forge(
      sample,
      relogged(
        {},
        {
          files: (all) => {
            all.set(`log/lower/${hexOf(digestOf(note))}`, note);
            all.set(`log/lower/${hexOf(digestOf("nothing"))}`, bytesOf("no checkpoint"));
          },
        },
      ),
    );
    expect(await verdict(files)).toEqual(["valid", []]);
    expect(layerOf(await verify(files), "log")?.notes.join()).toContain("no receipt names, not read: 2");
    expect(await forged(relogged({}, { files: (all) => void all.set("log/lower/x", bytesOf("")) }))).toEqual([
      "invalid",
      ["FAILURE_BUNDLE_MALFORMED"],
    ]);
  });
});

describe("the lineage of logs", () => {
  const started = (change: (detail: Record<string, unknown>) => void): Forgery => ({
    receipt: (draft) => {
      if (draft.predicate.event !== "log-started") return undefined;
      const detail = structuredClone(draft.predicate.detail) as Record<string, unknown>;
      change(detail);
      draft.predicate.detail = detail;
      draft.subject = [{ name: "detail", digest: { sha256: hexOf(digestOf(canonicalBytes(detail))) } }];
      return undefined;
    },
  });
  const link = (previous: object) =>
    relogged(
      {},
      started((detail) => {
        detail.previous = previous;
      }),
    );
  const old = { origin: "example.test/old", size: 50, root: toBase64(leafHash(bytesOf("old"))) };
  const knows = (size: number, text: string): Trust =>
    sampleTrust({
      logs: [
        { key: sampleLogKey() },
        { key: sampleLogKey(old.origin), checkpoint: { size, root: toBase64(leafHash(bytesOf(text))) } },
      ],
    });

  it("may begin with the head of a log that the reviewer knows", async () => {
    const linked = await forge(sample, link(old));
    expect(await verdict(linked)).toEqual(["valid", []]);
    expect(await verdict(linked, knows(50, "old"))).toEqual(["valid", []]);
  });

  it("leaves open whether that head continues a smaller one that the reviewer knows", async () => {
    const linked = await forge(sample, link(old));
    expect(await verdict(linked, knows(40, "older"))).toEqual(["indeterminate", []]);
    const report = await verify(linked, knows(40, "older"));
    expect(report.reasons.join()).toContain("compare its head with yours");
    expect(layerOf(report, "log")).toMatchObject({ internal: "ok", anchored: "untested" });
  });

  it("has no two heads of an earlier log at one size", async () => {
    const named = async (size: number, text: string) => {
      const note = await signCheckpoint({ origin: old.origin }, { size, root: leafHash(bytesOf(text)) });
      const lower = digestOf(note);
      const { receipt: relink } = started((detail) => {
        detail.previous = old;
      });
      const forgery = relogged(
        {},
        {
          receipt: (draft) => {
            if (draft.predicate.event === "run-opened") draft.predicate.time.lowerBound = lower;
            return relink?.(draft);
          },
          files: (files) => void files.set(`log/lower/${hexOf(lower)}`, note),
        },
      );
      return forge(sample, forgery);
    };
    const mismatch = ["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]];
    expect(await verdict(await named(50, "old"))).toEqual(["valid", []]);
    expect(await verdict(await named(50, "another"))).toEqual(mismatch);
    expect(await verdict(await named(40, "older"), knows(40, "older"))).toEqual(["indeterminate", []]);
    expect(await verdict(await named(40, "other"), knows(40, "older"))).toEqual(mismatch);
  });

  it("does not fall behind the head that the reviewer knows, nor beside it", async () => {
    const linked = await forge(sample, link(old));
    const mismatch = ["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]];
    expect(await verdict(linked, knows(51, "newer"))).toEqual(mismatch);
    expect(await verdict(linked, knows(50, "another"))).toEqual(mismatch);
  });

  it("spells the root of that head in one way", async () => {
    const odd = `${old.root.slice(0, 42)}${old.root[42] === "B" ? "D" : "B"}=`;
    const linked = await forge(sample, link({ ...old, root: odd }));
    expect(await verdict(linked, knows(50, "old"))).toEqual([
      "invalid",
      expect.arrayContaining(["FAILURE_BUNDLE_MALFORMED"]),
    ]);
  });

  it("names the log that the runs promised", async () => {
    const key = sampleLogKey(SAMPLE_LOG, keyFromName("other"));
    const found = await forged(
      relogged(
        {},
        started((detail) => {
          detail.key = key;
        }),
      ),
    );
    expect(found).toEqual(["invalid", ["FAILURE_WITNESS_LINEAGE_MISMATCH"]]);
  });
});

function chunks(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
}
