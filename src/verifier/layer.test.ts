import { describe, expect, it } from "vitest";
import { Findings } from "./layer.ts";

describe("what a layer finds", () => {
  const many = new Findings("structure");
  for (let i = 0; i < 100_000; i++) many.fail("FAILURE_HASH_MISMATCH", `${i}`);
  for (let i = 0; i < 300; i++) many.contradict("FAILURE_SIGNATURE_INVALID", `${i}`);
  for (let i = 0; i < 1000; i++) many.doubt(`doubt ${i}`);
  for (let i = 0; i < 1000; i++) many.note(`note ${i}`);
  const { failures, doubts, notes, internal, anchored } = many.end({ anchored: "established" });

  it("is listed up to a bound, every code of it, and counted", () => {
    expect([internal, anchored]).toEqual(["failed", "failed"]);
    expect(failures.length).toBe(201);
    expect(failures.map(({ message }) => message).slice(0, 200)).toEqual(
      Array.from({ length: 200 }, (_, i) => `${i}`),
    );
    expect(failures.at(-1)).toEqual({ code: "FAILURE_SIGNATURE_INVALID", message: "0" });
    expect(notes.at(-1)).toBe("and 100099 failures more");
  });

  it("is bounded also where it is no failure", () => {
    expect([doubts.length, notes.length]).toEqual([200, 201]);
  });

  it("is all there below the bound", () => {
    const few = new Findings("log");
    for (let i = 0; i < 200; i++) few.fail("FAILURE_HASH_MISMATCH", `${i}`);
    expect(few.end({ anchored: "untested" })).toMatchObject({ failures: { length: 200 }, notes: [] });
  });
});
