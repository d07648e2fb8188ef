import { describe, expect, it } from "vitest";
import { defaultPolicies } from "../../test/gate-facts.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import { loadCedar } from "./cedar.ts";
import { cedarLanguageVersion } from "./cedar-language.ts";
import { checkPolicies } from "./check-policies.ts";
import type { PolicyRequest } from "./facts.ts";
import { GateError } from "./gate-error.ts";
import { openPolicies } from "./open-policies.ts";

interface Changes {
  kind?: string;
  roles?: string[];
  action?: string;
  resource?: Record<string, string>;
  context?: Record<string, string | boolean>;
}

function request({
  kind = "human",
  roles = ["operator"],
  action = "invoke",
  resource,
  context,
}: Changes = {}): PolicyRequest {
  return {
    principal: { id: "alice", attributes: { kind, roles } },
    action,
    resource: {
      id: "tls.inspect@1.0.0",
      attributes: {
        adapter: "tls",
        approval: "none",
        effect: "read",
        egress: "guarded",
        idempotency: "safe",
        isolation: "in-process",
        ...resource,
      },
    },
    context: {
      classification: "internal",
      draft: false,
      engagement: "acme",
      environment: "production",
      ...context,
    },
  };
}

function setOf(policies: Record<string, string>): PolicySet {
  return { ...defaultPolicies(), policies };
}

async function faultsOf(set: PolicySet): Promise<GateError> {
  try {
    await openPolicies(set);
  } catch (error) {
    if (error instanceof GateError) return error;
    throw error;
  }
  throw new Error("the set was opened");
}

const permit = "permit (principal, action, resource);";

describe("default policies", () => {
  const read = {};
  const intrusive = { effect: "intrusive", approval: "designated" };
  const destructive = { effect: "destructive", approval: "designated" };
  it.each<[string, Changes, "allow" | "deny", string[]]>([
    ["an operator reads", { resource: read }, "allow", ["operators-may-invoke"]],
    ["an approver does not call", { roles: ["approver"] }, "deny", []],
    ["an operator intrudes with approval", { resource: intrusive }, "allow", ["operators-may-invoke"]],
    [
      "an operator intrudes without",
      { resource: { effect: "intrusive" } },
      "deny",
      ["intrusion-needs-approval"],
    ],
    [
      "an operator destroys with a second person",
      { resource: destructive },
      "allow",
      ["operators-may-invoke"],
    ],
    [
      "an operator destroys on own approval",
      { resource: { effect: "destructive", approval: "self" } },
      "deny",
      ["destruction-needs-a-second-person"],
    ],
    ["an agent reads", { kind: "agent" }, "allow", ["operators-may-invoke"]],
    [
      "an agent intrudes with approval",
      { kind: "agent", resource: intrusive },
      "allow",
      ["operators-may-invoke"],
    ],
    [
      "an agent destroys with approval",
      { kind: "agent", resource: destructive },
      "deny",
      ["agents-never-destroy"],
    ],
    ["an unguarded tool reads", { resource: { egress: "unguarded" } }, "allow", ["operators-may-invoke"]],
    [
      "a tool that the kernel holds intrudes in production",
      { resource: { ...intrusive, egress: "kernel-held", isolation: "kernel" } },
      "allow",
      ["operators-may-invoke"],
    ],
    [
      "an unguarded tool intrudes in production",
      { resource: { ...intrusive, egress: "unguarded" } },
      "deny",
      ["unguarded-tools-only-in-lab"],
    ],
    [
      "an unguarded tool destroys in production",
      { resource: { ...destructive, egress: "unguarded" } },
      "deny",
      ["unguarded-tools-only-in-lab"],
    ],
    [
      "an unguarded tool intrudes in a lab",
      { resource: { ...intrusive, egress: "unguarded" }, context: { environment: "lab" } },
      "allow",
      ["operators-may-invoke"],
    ],
    ["a draft in production", { context: { draft: true } }, "deny", ["drafts-only-in-lab"]],
    ["a draft in a lab", { context: { draft: true, environment: "lab" } }, "allow", ["operators-may-invoke"]],
    ["self-approval", { action: "self-approve", roles: ["operator", "approver", "owner"] }, "deny", []],
  ])("%s", async (_, changes, decision, determining) => {
    const policies = await openPolicies(defaultPolicies());
    expect(policies.decide(request(changes))).toEqual({ decision, determining, errors: [] });
  });

  it("hold without any fault or warning", async () => {
    expect(await checkPolicies(defaultPolicies())).toEqual([]);
  });
});

describe("traps of Cedar", () => {
  it("denies when a forbid errs, although Cedar itself skips it and allows", async () => {
    const overflow = "forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };";
    const set = setOf({ permit, overflow });
    const cedar = await loadCedar();
    const raw = cedar.isAuthorized({
      principal: { type: "Principal", id: "a" },
      action: { type: "Action", id: "invoke" },
      resource: { type: "Contract", id: "c" },
      context: {},
      policies: { staticPolicies: set.policies },
      entities: [],
    });
    expect(raw.type === "success" && raw.response.decision).toBe("allow");
    const decided = (await openPolicies(set)).decide(request());
    expect(decided.decision).toBe("deny");
    expect(decided.errors).toEqual([expect.stringMatching(/^overflow: .*overflow/)]);
  });

  it("refuses a set that `validate` calls a success with errors inside", async () => {
    const misspelt = `forbid (principal, action, resource) when { resource.efect == "destructive" };`;
    const raw = (await loadCedar()).validate({
      schema: defaultPolicies().schema,
      policies: { staticPolicies: { misspelt } },
    });
    expect(raw.type).toBe("success");
    const { code, faults } = await faultsOf(setOf({ permit, misspelt }));
    expect(code).toBe("POLICIES_INVALID");
    expect(faults).toEqual([{ policy: "misspelt", message: expect.stringContaining("efect") }]);
  });

  it("refuses a policy that can never apply: it looks like protection", async () => {
    const never = "forbid (principal, action, resource) when { false };";
    const { faults } = await faultsOf(setOf({ permit, never }));
    expect(faults.map(({ policy }) => policy)).toEqual(["never"]);
  });

  it("lists every fault at once, by policy", async () => {
    const { faults, hint } = await faultsOf(
      setOf({ first: "permit (", fine: permit, second: "forbid everything;" }),
    );
    expect(faults.map(({ policy }) => policy)).toEqual(["first", "second"]);
    expect(hint).toBe("1 more faults");
  });

  it("refuses an entry that holds two policies, none, or a template", async () => {
    for (const text of [
      `${permit}\n${permit}`,
      "// nothing",
      "permit (principal == ?principal, action, resource);",
    ]) {
      expect((await faultsOf(setOf({ entry: text }))).code).toBe("POLICIES_INVALID");
    }
  });

  it("refuses a schema that does not parse", async () => {
    const { faults } = await faultsOf({ ...defaultPolicies(), schema: "entity {" });
    expect(faults[0]?.policy).toBe("schema");
  });

  it("keeps the policies' own ids, whatever their order", async () => {
    const policies = { "zz-wide": permit, "aa-wide": permit };
    const opened = await openPolicies(setOf(policies));
    expect(opened.decide(request()).determining).toEqual(["aa-wide", "zz-wide"]);
  });

  it("denies a call that does not fit the schema", async () => {
    const opened = await openPolicies(setOf({ permit }));
    for (const malformed of [
      request({ action: "unknown" }),
      request({ context: { clock: "10:00" } }),
      { ...request(), context: {} },
      { ...request(), principal: { id: "alice", attributes: { kind: 7, roles: [] } } },
    ]) {
      const { decision, errors } = opened.decide(malformed);
      expect([decision, errors.length > 0]).toEqual(["deny", true]);
    }
  });

  it("denies a call that the engine throws on", async () => {
    const opened = await openPolicies(setOf({ permit }));
    const calls: unknown[] = [
      { ...request(), context: null },
      { ...request(), context: { classification: undefined } },
      { ...request(), principal: { id: 7, attributes: {} } },
      { ...request(), principal: { id: "\ud800", attributes: {} } },
      {},
      null,
    ];
    for (const call of calls) {
      const { decision, errors } = opened.decide(call as PolicyRequest);
      expect([decision, errors.length > 0]).toEqual(["deny", true]);
    }
  });

  it("refuses another language version, which is unsupported and no mismatch", async () => {
    const set: PolicySet = { ...defaultPolicies(), language: { name: "cedar", version: "3.0" } };
    expect((await faultsOf(set)).code).toBe("POLICY_LANGUAGE_UNSUPPORTED");
    expect((await loadCedar()).getCedarLangVersion()).toBe(cedarLanguageVersion());
  });

  it("keeps sets apart that are open at the same time", async () => {
    const open = await openPolicies(setOf({ permit }));
    const shut = await openPolicies(setOf({ shut: "forbid (principal, action, resource);" }));
    expect([open.decide(request()).decision, shut.decide(request()).decision]).toEqual(["allow", "deny"]);
  });

  it("denies when no policy exists", async () => {
    expect((await openPolicies(setOf({}))).decide(request())).toEqual({
      decision: "deny",
      determining: [],
      errors: [],
    });
  });
});

describe("memory of decisions", () => {
  it("decides equal requests once, and goes on beyond its bound", async () => {
    const opened = await openPolicies(defaultPolicies(), { remember: 2 });
    const first = opened.decide(request());
    expect(opened.decide(request())).toBe(first);
    for (const id of ["a", "b", "c"]) {
      const other = { ...request(), resource: { ...request().resource, id } };
      expect(opened.decide(other).decision).toBe("allow");
    }
    expect(opened.decide(request())).not.toBe(first);
    expect(opened.decide(request())).toEqual(first);
  });

  it("tells requests apart that differ in one attribute", async () => {
    const opened = await openPolicies(defaultPolicies());
    expect(opened.decide(request()).decision).toBe("allow");
    expect(opened.decide(request({ context: { draft: true } })).decision).toBe("deny");
  });
});
