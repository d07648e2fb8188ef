import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  approvalBy,
  type Changes,
  defaultPolicies,
  denyAll,
  gateFacts,
  principal,
} from "../../test/gate-facts.ts";
import { checkSchema } from "../contract/check-schema.ts";
import { gateNames, gateRecordSchema } from "../contract/gate-record.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { digestOfJson } from "../format/digest.ts";
import { actionDigest } from "./action-digest.ts";
import { decideGates, gates } from "./decide-gates.ts";
import type { GateFacts } from "./facts.ts";
import { openPolicies } from "./open-policies.ts";

const policy = await openPolicies(defaultPolicies());

describe("decideGates", () => {
  it("runs all gates in the order of the design; the last for actions that wait only", () => {
    const always = gateNames.filter((name) => name !== "input");
    expect(gates.map(({ name }) => name)).toEqual(always);
    const record = decideGates(gateFacts({ policy }));
    expect(record.decision).toBe("allow");
    expect(record.gates.map(({ gate, decision }) => `${gate} ${decision}`)).toEqual(
      always.map((name) => `${name} allow`),
    );
  });

  it("makes a record that fits its schema and names the action", () => {
    const facts = gateFacts({ policy, approvals: [approvalBy("bob")], attempt: 3 });
    const record = decideGates(facts);
    expect(checkSchema(gateRecordSchema, JSON.parse(canonicalJson(record)))).toEqual([]);
    expect(record.actionDigest).toBe(digestOfJson(facts.action));
    expect(record.actionDigest).toBe(actionDigest(facts.action));
    expect(record).toMatchObject({
      action: facts.action,
      attempt: 3,
      decidedAt: facts.now,
      live: facts.live,
    });
    expect(record.approvals).toEqual(facts.approvals);
  });

  it.each<[string, Changes, string]>([
    ["catalog", { live: { contract: "revoked", engagement: "halted" } }, "contract-revoked"],
    ["identity", { action: { requester: "mallory" }, live: { freeze: true } }, "principal-unknown"],
    [
      "scope",
      { action: { subjects: [{ kind: "host", value: "x.org" }] }, live: { freeze: true } },
      "outside-engagement-scope",
    ],
    [
      "target-authorization",
      { engagement: { authorizations: [] }, live: { freeze: true } },
      "target-not-authorized",
    ],
    ["environment", { live: { freeze: true }, policy: denyAll }, "change-freeze"],
    ["policy", { policy: denyAll, action: { approvalRule: "designated" } }, "policy-denied"],
    ["approval", { action: { approvalRule: "designated" } }, "approval-required"],
  ])("stops at %s", (gate, changes, reason) => {
    const record = decideGates(gateFacts({ policy, ...changes }));
    expect(record.gates.at(-1)).toMatchObject({ gate, reason });
    expect(record.gates.map((one) => one.gate)).toEqual(
      gateNames.slice(0, gateNames.indexOf(gate as never) + 1),
    );
    expect(record.decision).toBe(gate === "approval" ? "pause" : "deny");
  });

  it("passes after the approval that it paused for", () => {
    const rule: Changes = { policy, action: { approvalRule: "designated" } };
    const paused = decideGates(gateFacts(rule));
    const passed = decideGates(gateFacts({ ...rule, approvals: [approvalBy("bob")] }));
    expect([paused.decision, passed.decision]).toEqual(["pause", "allow"]);
    expect(passed.actionDigest).toBe(paused.actionDigest);
  });

  it("denies with `gate-error` when a gate breaks", () => {
    const broken: GateFacts["policy"] = {
      decide() {
        throw new Error("a defect");
      },
    };
    const record = decideGates(gateFacts({ policy: broken }));
    expect(record.decision).toBe("deny");
    expect(record.gates.at(-1)).toEqual({
      gate: "policy",
      decision: "deny",
      reason: "gate-error",
      facts: {},
    });
  });

  it("denies an action that has no canonical JSON", () => {
    const record = decideGates(gateFacts({ policy, action: { inputs: { host: "\ud800" } } }));
    expect(record).toMatchObject({ decision: "deny", gates: [{ gate: "catalog", reason: "gate-error" }] });
  });
});

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "www.example.com",
    "admin.example.com",
    "ADMIN.example.com.",
    "10.0.0.1",
    "*",
    "__proto__",
    "\u0000",
  ),
);
const anyFacts: fc.Arbitrary<Changes> = fc.record(
  {
    now: fc.oneof(hostile, fc.constantFrom("2026-11-23T10:00:00Z", "2020-01-01T00:00:00Z")),
    draft: fc.boolean(),
    runbookClassification: hostile,
    pausedAt: fc.record({ approval: hostile, input: hostile }),
    runbookScope: fc.record({
      include: fc.array(fc.oneof(hostile, fc.constant("host:*"))),
      exclude: fc.array(fc.oneof(hostile, fc.constant("host:*.example.com"))),
    }),
    action: fc.record(
      {
        requester: fc.oneof(hostile, fc.constantFrom("alice", "bob")),
        subjects: fc.array(
          fc.record({
            kind: fc.oneof(hostile, fc.constantFrom("host", "url", "cidr", "file")),
            value: hostile,
          }),
        ),
        approvalRule: fc.constantFrom("none" as const, "self" as const, "designated" as const),
      },
      { requiredKeys: [] },
    ),
    approvals: fc.array(
      fc.constantFrom(
        approvalBy("bob"),
        approvalBy("alice"),
        approvalBy("bob", { decision: "reject" }),
        approvalBy("x", { notAfter: "" }),
      ),
    ),
  },
  { requiredKeys: [] },
);

describe("properties", () => {
  it("never throws, and allows only when all seven allow", () => {
    fc.assert(
      fc.property(anyFacts, (changes) => {
        const record = decideGates(gateFacts({ policy, ...changes }));
        const allowed = record.gates.filter(({ decision }) => decision === "allow").length;
        expect(record.decision === "allow").toBe(allowed === 7);
        expect(record.gates.length).toBe(Math.min(7, allowed + 1));
      }),
      { numRuns: 500 },
    );
  });

  it("never throws on facts with parts missing", () => {
    const names = Object.keys(gateFacts()) as (keyof GateFacts)[];
    fc.assert(
      fc.property(
        fc.subarray(names, { minLength: 1 }),
        fc.constantFrom(undefined, null, 7, "", []),
        (missing, instead) => {
          const facts = { ...gateFacts({ policy, action: { approvalRule: "designated" } }) } as Record<
            string,
            unknown
          >;
          for (const name of missing) facts[name] = instead;
          const record = decideGates(facts as unknown as GateFacts);
          expect(record.gates.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("gives the same bytes for the same facts", () => {
    fc.assert(
      fc.property(anyFacts, (changes) => {
        const a = gateFacts({ policy, ...changes });
        const b = structuredClone({ ...a, policy: undefined });
        const first = bytes(decideGates(a));
        expect(bytes(decideGates(a))).toBe(first);
        expect(bytes(decideGates({ ...b, policy }))).toBe(first);
      }),
      { numRuns: 200 },
    );
  });

  it("lets exclusions win over every inclusion", () => {
    const names = fc.constantFrom("a.example.com", "b.example.com", "example.com", "x.a.example.com");
    const patterns = fc.array(
      fc.constantFrom(
        "host:*",
        "host:*.example.com",
        "host:example.com",
        "host:a.example.com",
        "host:*.a.example.com",
      ),
    );
    const covering = (name: string) => [`host:${name}`, "host:*"];
    fc.assert(
      fc.property(names, patterns, fc.boolean(), (name, more, inRunbook) => {
        const exclude = [`host:${name}`];
        const include = [...covering(name), ...more];
        const record = decideGates(
          gateFacts({
            policy,
            people: [principal("alice")],
            engagement: { scope: { include, exclude: inRunbook ? [] : exclude } },
            runbookScope: { include, exclude: inRunbook ? exclude : [] },
            action: { subjects: [{ kind: "host", value: name }] },
          }),
        );
        expect(record.gates.at(-1)).toMatchObject({ gate: "scope", decision: "deny", reason: "excluded" });
      }),
    );
  });
});

// A record of facts that are not JSON has no canonical form; it is compared as it prints.
function bytes(record: ReturnType<typeof decideGates>): string {
  try {
    return canonicalJson(record);
  } catch {
    return JSON.stringify(record);
  }
}
