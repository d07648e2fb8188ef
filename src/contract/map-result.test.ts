import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import { classifyError, mapOutputs, reservedVerdict } from "./map-result.ts";
import { contractFromJson, parseContract } from "./parse-contract.ts";
import { contractText } from "./testing/documents.ts";

const contract = parseContract(contractText);

describe("mapOutputs", () => {
  it("maps and checks", () => {
    const result = { subject: "CN=a", notAfter: "2026-01-01T00:00:00Z", more: 1 };
    expect(mapOutputs(contract, {}, result)).toEqual({
      ok: true,
      outputs: { subject: "CN=a", notAfter: "2026-01-01T00:00:00Z" },
    });
  });

  it.each([
    ["a missing member", { subject: "CN=a" }],
    ["a wrong type", { subject: 5, notAfter: "2026-01-01T00:00:00Z" }],
    ["a wrong format", { subject: "CN=a", notAfter: "soon" }],
  ])("refuses %s", (_name, result) => {
    expect(mapOutputs(contract, {}, result as { [key: string]: Json })).toMatchObject({ ok: false });
  });
});

describe("classifyError", () => {
  const error = (code: string, facts: { [fact: string]: Json } = {}) => ({
    code,
    phase: "connect",
    message: "m",
    ...facts,
  });

  it.each<[string, { [fact: string]: Json }, string]>([
    ["ETIMEDOUT", {}, "CONNECT_TIMEOUT"],
    ["ECONNRESET", { phase: "tls" }, "TLS_HANDSHAKE"],
    ["TIMEOUT", {}, "TIMEOUT"],
    ["ECONNREFUSED", {}, "UNAVAILABLE"],
    ["EHOSTUNREACH", {}, "UNAVAILABLE"],
    ["ENOTFOUND", {}, "UNAVAILABLE"],
    ["HTTP_STATUS", { status: 401 }, "AUTH_REJECTED"],
    ["HTTP_STATUS", { status: 403 }, "AUTH_REJECTED"],
    ["HTTP_STATUS", { status: 429 }, "RATE_LIMITED"],
    ["HTTP_STATUS", { status: 503 }, "UNAVAILABLE"],
    ["HTTP_STATUS", { status: 500 }, "UNDECLARED_ERROR"],
    ["HTTP_STATUS", { status: "401" }, "UNDECLARED_ERROR"],
    ["EGRESS_REFUSED", { phase: "tls" }, "EGRESS_REFUSED"],
    ["SIZE_EXCEEDED", {}, "SIZE_EXCEEDED"],
    ["constructor", {}, "UNDECLARED_ERROR"],
    ["SOMETHING", {}, "UNDECLARED_ERROR"],
  ])("%s %j is %s", (code, facts, errorClass) => {
    expect(classifyError(contract, {}, error(code, facts)).errorClass).toBe(errorClass);
  });

  it("takes the first class that applies, with its side and whether to try again", () => {
    const verdict = classifyError(contract, {}, { code: "ETIMEDOUT", phase: "tls", message: "m" });
    expect(verdict).toEqual({ errorClass: "CONNECT_TIMEOUT", side: "external", retryable: true });
  });

  it("goes on after a `when` that fails on this error", () => {
    const other = contractFromJson({
      ...(structuredClone(contract) as unknown as { [key: string]: Json }),
      errors: [
        {
          class: "NEEDS_STATUS",
          side: "external",
          retryable: false,
          when: "error.status == 418",
          meaning: "m",
        },
        {
          class: "CONNECT_TIMEOUT",
          side: "external",
          retryable: true,
          when: "error.code == 'ETIMEDOUT'",
          meaning: "m",
        },
      ],
    });
    expect(classifyError(other, {}, error("ETIMEDOUT")).errorClass).toBe("CONNECT_TIMEOUT");
  });

  it("knows whose side a reserved class is", () => {
    expect(reservedVerdict("EGRESS_REFUSED")).toMatchObject({ side: "witnessops", retryable: false });
    expect(() => reservedVerdict("OTHER")).toThrow(RangeError);
  });
});
