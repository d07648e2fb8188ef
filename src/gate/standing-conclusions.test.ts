import { describe, expect, it } from "vitest";
import type { PrincipalSet } from "../contract/principal.ts";
import type { Digest } from "../format/digest.ts";
import { type ConclusionEnd, StandingConclusions } from "./standing-conclusions.ts";

const principals = {
  principals: [
    { id: "ana", type: "human", roles: ["owner"] },
    { id: "ben", type: "human", roles: ["approver"] },
    { id: "bot", type: "agent", roles: ["owner"] },
    { id: "cleo", type: "human", roles: ["operator"] },
  ],
} as unknown as PrincipalSet;
const first: Digest = "sha256:1";
const withdrawn = (by: string): ConclusionEnd => ({
  state: "withdrawn",
  by,
  at: "2026-01-01T00:00:00Z",
  reason: "wrong",
});

function standing(): StandingConclusions {
  const conclusions = new StandingConclusions();
  conclusions.record({ digest: first, run: "r1", principal: "cleo" });
  return conclusions;
}

describe("conclusions", () => {
  it.each(["cleo", "ana"])("are ended by %s", (by) => {
    const conclusions = standing();
    expect(conclusions.endOf(first)).toBeUndefined();
    expect(conclusions.end(first, "r1", principals, withdrawn(by))).toBeUndefined();
    expect(conclusions.endOf(first)).toEqual(withdrawn(by));
  });

  it.each(["ben", "bot", "nobody"])("are not ended by %s", (by) => {
    const conclusions = standing();
    expect(conclusions.end(first, "r1", principals, withdrawn(by))).toBe("not-entitled");
    expect(conclusions.endOf(first)).toBeUndefined();
  });

  it("end once, in their own run, after they were recorded", () => {
    const conclusions = standing();
    expect(conclusions.end(first, "r2", principals, withdrawn("cleo"))).toBe("conclusion-unknown");
    expect(conclusions.end("sha256:2", "r1", principals, withdrawn("cleo"))).toBe("conclusion-unknown");
    expect(conclusions.end(first, "r1", principals, withdrawn("cleo"))).toBeUndefined();
    expect(conclusions.end(first, "r1", principals, withdrawn("ana"))).toBe("conclusion-ended");
    expect(conclusions.endOf(first)?.by).toBe("cleo");
  });
});
