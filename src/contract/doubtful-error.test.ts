import { describe, expect, it } from "vitest";
import { isDoubtful, isUnsent } from "./doubtful-error.ts";

describe("isDoubtful", () => {
  it.each([
    ["ECONNRESET", "response", 1, true],
    ["TIMEOUT", "request", 1, true],
    ["ADAPTER_DEFECT", "adapter", 0, true],
    ["HTTP_STATUS", "response", 1, false],
    ["EVIDENCE_INCOMPLETE", "capture", 1, false],
    ["PARAMETERS_INVALID", "request", 2, false],
    ["ECONNREFUSED", "connect", 1, false],
    ["ECONNREFUSED", "connect", 2, true],
  ])("of an unsafe call that ended with %s in phase %s, %i dialled: %s", (code, phase, dialled, doubtful) => {
    expect(isDoubtful("unsafe", { code, phase }, dialled)).toBe(doubtful);
    expect(isDoubtful("idempotent", { code, phase }, dialled)).toBe(false);
    expect(isDoubtful("safe", { code, phase }, dialled)).toBe(false);
  });

  it("is not the same as not sent: what was answered was sent", () => {
    expect(isUnsent({ code: "HTTP_STATUS", phase: "response" }, 1)).toBe(false);
    expect(isUnsent({ code: "SECRET_MISSING", phase: "prepare" }, 5)).toBe(true);
  });
});
