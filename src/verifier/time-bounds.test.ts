import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../format/digest.ts";
import { digestOf } from "../format/digest.ts";
import type { Stamp } from "./agreement.ts";
import type { Bundle } from "./bundle.ts";
import type { Receipt } from "./read-receipts.ts";
import { boundTimes, reportTime } from "./time-bounds.ts";

const receipt = (stream: string, seq: number, event = "step-executed", detail: object = {}): Receipt =>
  ({
    digest: digestOf(`${stream} ${seq}`),
    predicate: { event, detail, ledger: { stream, seq } },
  }) as unknown as Receipt;

/** Two runs of one engagement: `a` closed, then `b` opened and still open; something before, between and after. */
function makeBundle(): Bundle {
  const engagement = [
    receipt("engagement:e", 0, "engagement-authorized"),
    receipt("engagement:e", 1, "run-opened", { run: "a" }),
    receipt("engagement:e", 2, "run-closed", { run: "a", head: { seq: 1 } }),
    receipt("engagement:e", 3, "run-opened", { run: "b" }),
    receipt("engagement:e", 4, "conclusion-recorded"),
  ];
  const a = [receipt("run:a", 0), receipt("run:a", 1), receipt("run:a", 2)];
  const b = [receipt("run:b", 0), receipt("run:b", 1)];
  const workspace = [receipt("workspace", 0)];
  const receipts = [...workspace, ...engagement, ...a, ...b];
  return {
    receipts,
    streams: Map.groupBy(receipts, (one) => one.predicate.ledger.stream),
    runEvents: new Map([
      ["run-opened a", engagement[1]],
      ["run-opened b", engagement[3]],
    ]),
  } as unknown as Bundle;
}

const id = (stream: string, seq: number): Digest => digestOf(`${stream} ${seq}`);
const over = (...stamps: readonly [Digest, string, number][]): ReadonlyMap<Digest, readonly Stamp[]> =>
  new Map(
    [...Map.groupBy(stamps, ([digest]) => digest)].map(([digest, list]) => [
      digest,
      list.map(([, authority, notAfter]) => ({ authority, key: `key of ${authority}`, notAfter })),
    ]),
  );
const bundle = makeBundle();
const bound = (stamps: ReadonlyMap<Digest, readonly Stamp[]>, more: object = {}) => {
  const of = boundTimes(bundle, { stamps, claimStamps: [], threshold: 1, ...more });
  return (stream: string, seq: number) => of(id(stream, seq));
};

describe("upper bounds", () => {
  it("by a token over a closing reach the run up to the head that it names, and all before", () => {
    const of = bound(over([id("engagement:e", 2), "x", 100]));
    for (const [stream, seq] of [
      ["engagement:e", 0],
      ["engagement:e", 1],
      ["engagement:e", 2],
      ["run:a", 0],
      ["run:a", 1],
    ] as const)
      expect([stream, seq, of(stream, seq).notAfter]).toEqual([stream, seq, 100]);
    for (const [stream, seq] of [
      ["run:a", 2],
      ["engagement:e", 3],
      ["engagement:e", 4],
      ["run:b", 0],
      ["workspace", 0],
    ] as const)
      expect([stream, seq, of(stream, seq).notAfter]).toEqual([stream, seq, undefined]);
  });

  it("by a token in a run reach its opening, and nothing after", () => {
    const of = bound(over([id("run:b", 0), "x", 100]));
    expect(of("engagement:e", 3).notAfter).toBe(100);
    expect(of("run:a", 1).notAfter).toBe(100);
    expect(of("run:b", 1).notAfter).toBeUndefined();
    expect(of("engagement:e", 4).notAfter).toBeUndefined();
  });

  it("are the earliest of each authority, and as many of them as the threshold says", () => {
    const stamps = over(
      [id("engagement:e", 1), "x", 500],
      [id("engagement:e", 2), "x", 300],
      [id("engagement:e", 4), "y", 400],
    );
    expect(bound(stamps)("engagement:e", 1).notAfter).toBe(300);
    expect(bound(stamps, { threshold: 2 })("engagement:e", 1).notAfter).toBe(400);
    expect(bound(stamps, { threshold: 2 })("engagement:e", 3).notAfter).toBeUndefined();
    expect(bound(stamps, { threshold: 3 })("engagement:e", 1).notAfter).toBeUndefined();
  });

  it("are one of two authorities for which one key stamped", () => {
    const both = ["x", "y"].map((authority) => ({ authority, key: "shared", notAfter: 100 }));
    const stamps = new Map([[id("engagement:e", 1), both]]);
    expect(bound(stamps)("engagement:e", 0).notAfter).toBe(100);
    expect(bound(stamps, { threshold: 2 })("engagement:e", 0).notAfter).toBeUndefined();
    const more = new Map([
      ...stamps,
      [id("engagement:e", 4), [{ authority: "x", key: "own", notAfter: 700 }]],
    ]);
    expect(bound(more, { threshold: 2 })("engagement:e", 0).notAfter).toBe(700);
  });

  it("by the claim, and by a cosigned checkpoint, reach everything", () => {
    const claimStamps = [{ authority: "x", key: "key of x", notAfter: 900 }];
    for (const { digest } of bundle.receipts)
      expect(boundTimes(bundle, { stamps: new Map(), claimStamps, threshold: 1 })(digest).notAfter).toBe(900);
    const of = bound(over([id("engagement:e", 2), "x", 100]), { claimStamps, cosignedAt: 800 });
    expect([of("run:a", 0).notAfter, of("run:b", 1).notAfter, of("workspace", 0).notAfter]).toEqual([
      100, 800, 800,
    ]);
  });

  it("never grow smaller along a chain, whatever is stamped", () => {
    const place = fc.constantFrom(...bundle.receipts.map(({ digest }) => digest));
    const stamp = fc.tuple(place, fc.constantFrom("x", "y", "z"), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(stamp, { maxLength: 8 }), fc.integer({ min: 1, max: 3 }), (stamps, threshold) => {
        const of = boundTimes(bundle, { stamps: over(...stamps), claimStamps: [], threshold });
        for (const receipts of bundle.streams.values()) {
          const bounds = receipts.map(({ digest }) => of(digest).notAfter ?? Number.POSITIVE_INFINITY);
          expect(bounds).toEqual(bounds.toSorted((one, two) => one - two));
        }
        if (threshold === 1)
          for (const [digest, , notAfter] of stamps)
            expect(of(digest).notAfter ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(notAfter);
      }),
    );
  });

  it("end in runs that name themselves or one another", () => {
    const strange = [
      receipt("run:a", 0, "run-opened", { run: "a" }),
      receipt("engagement:e", 0, "run-closed", { run: "a", head: null }),
    ];
    const streams = Map.groupBy(strange, (one) => one.predicate.ledger.stream);
    const by = { stamps: over([id("run:a", 0), "x", 1]), claimStamps: [], threshold: 1 };
    expect(
      boundTimes({ streams, runEvents: new Map() } as unknown as Bundle, by)(id("run:a", 0)).notAfter,
    ).toBe(1);
  });
});

describe("lower bounds", () => {
  it("are the newest checkpoint that a receipt or one before it carries; a token is none", () => {
    const carried = new Map([
      [id("engagement:e", 1), 50],
      [id("engagement:e", 3), 40],
    ]);
    const lowerAt = ({ digest }: Receipt) => carried.get(digest);
    const of = bound(over([id("engagement:e", 0), "x", 10]), { lowerAt });
    expect(of("engagement:e", 0).notBefore).toBeUndefined();
    for (const [stream, seq] of [
      ["engagement:e", 1],
      ["run:a", 0],
      ["engagement:e", 2],
      ["engagement:e", 3],
      ["run:b", 1],
    ] as const)
      expect([stream, seq, of(stream, seq).notBefore]).toEqual([stream, seq, 50]);
    expect(of("workspace", 0).notBefore).toBeUndefined();
  });
});

it("a report says what bounds a time, or that only the host does", () => {
  const claimed = "2026-11-23T10:00:00.000Z";
  expect(reportTime(claimed, { notBefore: undefined, notAfter: undefined })).toEqual({
    claimed,
    bound: "host-asserted",
  });
  expect(reportTime(claimed, { notBefore: 0, notAfter: undefined })).toEqual({
    claimed,
    bound: "bounded",
    notBefore: "1970-01-01T00:00:00.000Z",
  });
});
