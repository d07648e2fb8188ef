// What `catalog new` drafts for each adapter is complete: once a person has decided what it asks, lint has nothing to say
// against it, and its adapter takes what it makes of its inputs.
import { describe, expect, it } from "vitest";
import { adapters } from "../src/adapters/all.ts";
import { draftContract } from "../src/contract/authoring/draft-contract.ts";
import { skeletons } from "../src/contract/authoring/skeletons.ts";
import { evaluateTree } from "../src/contract/cel-tree.ts";
import { checkSchema } from "../src/contract/check-schema.ts";
import { findingList } from "../src/contract/finding.ts";
import { lintContract } from "../src/contract/lint-contract.ts";
import { contractFromJson } from "../src/contract/parse-contract.ts";
import { resolveAction } from "../src/contract/resolve-action.ts";
import { checkContractInputs } from "../src/contract/step-inputs.ts";
import { DECIDE, lintUndecided } from "../src/contract/undecided.ts";
import type { Json, JsonObject } from "../src/format/json.ts";

/** What a person says of a call of each adapter, and inputs of it. */
const CALLS: Record<string, { call: string; about: string; inputs: JsonObject }> = {
  http: { call: "/status", about: "host=inputs.host", inputs: { host: "service.example" } },
  exec: { call: "file", about: "file=inputs.path", inputs: { path: "a.txt" } },
  sql: {
    call: "SELECT 'it''s \\n' AS a",
    about: "host=inputs.host",
    inputs: { host: "db.example", user: "reader" },
  },
  ldap: {
    call: "(uid={user})",
    about: "host=inputs.host",
    inputs: { host: "ldap.example", bindAs: "cn=reader", base: "dc=example", user: "ana" },
  },
  file: { call: "text", about: "file=inputs.path", inputs: { path: "a.txt" } },
  dns: { call: "MX", about: "host=inputs.name", inputs: { name: "example.com" } },
  tls: { call: "TLSv1.2", about: "host=inputs.host", inputs: { host: "service.example" } },
  tcp: { call: "true", about: "host=inputs.host", inputs: { host: "service.example", ports: [22] } },
  ssh: {
    call: "hostname",
    about: "host=inputs.host",
    inputs: { host: "service.example", user: "ana", hostKeys: ["SHA256:abc"] },
  },
  manual: { call: "ring the bell", about: "host=inputs.about", inputs: { about: "service.example" } },
};

/** The draft with every decision made; where it is an expression, as one. */
function decided(value: Json, at = ""): Json {
  if (typeof value === "string" && value.startsWith(DECIDE))
    return /^execution\.with/.test(at) ? "'mail'" : "what somebody decided";
  if (Array.isArray(value)) return (value as Json[]).map((one, index) => decided(one, `${at}[${index}]`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      decided(one as Json, at === "" ? name : `${at}.${name}`),
    ]),
  );
}

it("has a call for each skeleton here", () => {
  expect(Object.keys(CALLS).sort()).toEqual(Object.keys(skeletons).sort());
});

describe.each(Object.entries(skeletons))("%s", (adapter, skeleton) => {
  const { call, about, inputs } = CALLS[adapter] ?? { call: "", about: "", inputs: {} };

  it("leaves to people what nobody has said", () => {
    const to = findingList();
    lintUndecided(draftContract({ id: "acme.thing", adapter }, skeleton), to);
    const paths = to.all.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "title",
        "purpose",
        "effect",
        "scope.subjects[0].from",
        "scope.disallowed[0]",
        "execution.idempotency",
        "boundary.external.interpretation[0]",
        "doesNotAttest",
      ]),
    );
    expect(paths.some((path) => path.startsWith("execution.with"))).toBe(true);
    expect(() => contractFromJson(draftContract({ id: "acme.thing", adapter }, skeleton))).toThrow();
  });

  it("is complete once they have", () => {
    const said = {
      id: "acme.thing",
      adapter,
      effect: "read",
      idempotency: "safe",
      docUrl: "https://a.example/",
    };
    const contract = contractFromJson(decided(draftContract({ ...said, call, about }, skeleton)));
    const warnings = lintContract(contract, { adapters: adapters.map(({ id }) => id) });
    expect(warnings).toEqual([]);
    const checked = checkContractInputs(contract, inputs);
    if (!checked.ok) throw new Error(checked.faults.join("\n"));
    expect(resolveAction(contract, checked.inputs)).toMatchObject({ ok: true });
    const given = evaluateTree(contract.execution.with, ["inputs"], { inputs: checked.inputs });
    if (!given.ok) throw new Error(given.message);
    const parameters = adapters.find(({ id }) => id === adapter)?.parameters;
    expect(parameters && checkSchema(parameters, given.value)).toEqual([]);
    if (adapter === "sql") expect(given.value.statement).toBe(call);
  });
});
