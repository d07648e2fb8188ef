import { describe, expect, it } from "vitest";
import type { Json } from "../format/json.ts";
import { boundaryTable, renderBoundaryTable } from "./boundary-table.ts";
import type { Contract } from "./contract.ts";
import { lintContract } from "./lint-contract.ts";
import { lintRunbook } from "./lint-runbook.ts";
import { contractFromJson, parseContract } from "./parse-contract.ts";
import { parseRunbook } from "./parse-runbook.ts";
import { contractText, runbookText } from "./testing/documents.ts";

const contract = parseContract(contractText);
const runbook = parseRunbook(runbookText);
const catalog = new Map([["tls.inspect@1.0.0", contract]]);

function edited(edit: (draft: Record<string, Record<string, Json>>) => void): Contract {
  const draft = structuredClone(contract) as unknown as Record<string, Record<string, Json>>;
  edit(draft);
  return contractFromJson(draft as unknown as Json);
}

describe("lintContract", () => {
  it("has nothing to say about a good contract", () => {
    expect(lintContract(contract, { adapters: ["tls"] })).toEqual([]);
  });

  const set =
    (part: string, values: { [key: string]: Json }) => (draft: Record<string, Record<string, Json>>) => {
      Object.assign(draft[part] ?? {}, values);
    };
  const secret = { name: "token", ref: "env:TOKEN", into: { kind: "header", name: "authorization" } };
  it.each<[string, Contract, string, string]>([
    [
      "a destructive effect without approval",
      edited((d) => Object.assign(d, { effect: "destructive" })),
      "authority.approval",
      "error",
    ],
    [
      "an intrusive one without approval",
      edited((d) => Object.assign(d, { effect: "intrusive" })),
      "authority.approval",
      "warning",
    ],
    [
      "a write that is `safe`",
      edited((d) => Object.assign(d, { effect: "write" })),
      "execution.idempotency",
      "error",
    ],
    [
      "an adapter that is not there",
      edited(set("execution", { adapter: "ftp" })),
      "execution.adapter",
      "error",
    ],
    [
      "no required artifact",
      edited(
        set("evidence", {
          artifacts: [{ name: "chain", mediaType: "text/plain", required: false, sensitivity: "internal" }],
        }),
      ),
      "evidence.artifacts",
      "error",
    ],
    [
      "an output that is not mapped",
      edited(set("execution", { outputs: { subject: "result.subject" } })),
      "execution.outputs.notAfter",
      "error",
    ],
    [
      "an output that is not declared",
      edited(set("execution", { outputs: { subject: "result.a", notAfter: "result.b", x: "result.c" } })),
      "outputs.properties.x",
      "error",
    ],
    [
      "escalation to nobody",
      edited(set("failure", { onFailure: "escalate" })),
      "failure.escalateTo",
      "error",
    ],
    ["no documentation", edited((d) => delete d.docUrl), "docUrl", "warning"],
    [
      "a secret that is not over https",
      edited(
        set("execution", {
          adapter: "http",
          secrets: [secret],
          with: { url: "inputs.host + string(inputs.port)" },
        }),
      ),
      "execution.with.url",
      "error",
    ],
    [
      "a key for an adapter that signs nothing",
      edited(
        set("execution", { adapter: "http", secrets: [{ ...secret, into: { kind: "key", name: "ssh" } }] }),
      ),
      "execution.secrets[0].into.kind",
      "error",
    ],
    [
      "anything but a key for an adapter that takes only one",
      edited(set("execution", { adapter: "ssh", secrets: [secret] })),
      "execution.secrets[0].into.kind",
      "error",
    ],
    [
      "a header for a tool",
      edited(set("execution", { adapter: "exec", secrets: [secret] })),
      "execution.secrets[0].into.kind",
      "error",
    ],
    [
      "a tool whose boundary is not said by row",
      edited(set("execution", { adapter: "exec" })),
      "boundary.external",
      "error",
    ],
    [
      "a retry on what is not retryable",
      edited(set("execution", { retry: { attempts: 2, backoff: "none", on: ["TLS_HANDSHAKE"] } })),
      "execution.retry.on[0]",
      "error",
    ],
    [
      "open inputs",
      edited(set("inputs", { additionalProperties: true })),
      "inputs.additionalProperties",
      "warning",
    ],
  ])("says: %s", (_name, draft, path, level) => {
    expect(lintContract(draft, { adapters: ["tls", "http", "exec"] })).toContainEqual(
      expect.objectContaining({ path, level }),
    );
  });

  it("says an input that nothing reads", () => {
    const draft = edited(
      set("inputs", {
        properties: { host: { type: "string" }, port: { type: "integer" }, spare: { type: "string" } },
      }),
    );
    expect(lintContract(draft)).toEqual([
      expect.objectContaining({ path: "inputs.properties.spare", level: "warning" }),
    ]);
  });
});

describe("lintRunbook", () => {
  it("has nothing to say about a good runbook", () => {
    expect(lintRunbook(runbook, catalog)).toEqual([]);
  });

  it.each([
    ["a contract that is not there", "tls.inspect@1.0.0", "tls.inspect@2.0.0", "steps[0].uses"],
    ["a missing input", "with: { host: inputs.target }", "with: { port: '443' }", "steps[0].with.host"],
    [
      "an input that is not one",
      "with: { host: inputs.target }",
      "with: { host: inputs.target, prot: '1' }",
      "steps[0].with.prot",
    ],
    [
      "a longer deadline",
      "with: { host: each }",
      "with: { host: each }\n    timeout: 11s",
      "steps[1].timeout",
    ],
    [
      "more attempts",
      "with: { host: each }",
      "with: { host: each }\n    retry: { attempts: 4 }",
      "steps[1].retry.attempts",
    ],
    ["an input that nothing declares", "host: each", "host: inputs.nobody", "inputs.properties.nobody"],
  ])("says: %s", (_name, old, now, path) => {
    const findings = lintRunbook(parseRunbook(runbookText.replace(old, now)), catalog);
    expect(findings).toContainEqual(expect.objectContaining({ path, level: "error" }));
  });

  it("says a gate that is weaker than the contract's", () => {
    const strict = edited((draft) => Object.assign(draft.authority ?? {}, { approval: "designated" }));
    const weak = parseRunbook(
      runbookText.replace("- id: first", "- id: first\n    gates: { approval: self }"),
    );
    expect(lintRunbook(weak, new Map([["tls.inspect@1.0.0", strict]]))).toEqual([
      expect.objectContaining({ path: "steps[0].gates.approval", level: "error" }),
    ]);
  });
});

describe("boundaryTable", () => {
  it("fills four rows and both columns from a flat list", () => {
    const table = boundaryTable(contract);
    expect(table.map(({ key }) => key)).toEqual(["invocation", "transport", "evidence", "interpretation"]);
    for (const row of table) {
      expect(row.controlled.length).toBeGreaterThan(0);
      expect(row.external.length).toBeGreaterThan(0);
    }
    expect(table[1]?.external).toEqual(["which certificate the peer presents", "peer availability"]);
  });

  it("takes the second column by row when the contract says it so", () => {
    const external = { invocation: ["i"], transport: ["t"], evidence: ["e"], interpretation: ["p"] };
    const table = boundaryTable(edited((draft) => Object.assign(draft.boundary ?? {}, { external })));
    expect(table.map((row) => row.external)).toEqual([["i"], ["t"], ["e"], ["p"]]);
  });

  it("takes isolation only of tools, for TCP ports that are named before", () => {
    const endpoints = [{ host: "inputs.host" }, { host: "inputs.host", port: 53, protocol: "udp" as const }];
    const of = (adapter: string) => {
      const execution = { ...contract.execution, adapter, isolation: "required" as const };
      const changed = { ...contract, execution, scope: { ...contract.scope, endpoints } };
      return lintContract(changed)
        .filter(({ message }) => /isolated/.test(message))
        .map(({ path }) => path);
    };
    expect(of("exec")).toEqual(["execution.with.ports", "scope.endpoints[1]"]);
    expect(of("http")).toEqual(["execution.isolation"]);
  });

  it("says of a tool that its egress is unguarded", () => {
    const table = boundaryTable(edited((draft) => Object.assign(draft.execution ?? {}, { adapter: "exec" })));
    expect(table[1]?.controlled.join()).toContain("egress unguarded");
  });

  it.each([60, 80, 100, 140])("renders within %i columns and loses no word", (width) => {
    const table = boundaryTable(contract);
    const text = renderBoundaryTable(table, width);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(text).toContain("[interpretation]");
    expect(text).toContain("pinned");
  });
});

describe("where a secret goes", () => {
  const problemsOf = (url: string) =>
    lintContract(
      edited((draft) => {
        Object.assign(draft.execution ?? {}, {
          adapter: "http",
          with: { url },
          secrets: [{ name: "k", ref: "env:K", into: { kind: "header", name: "authorization" } }],
        });
      }),
    ).filter(({ path }) => path === "execution.with.url");

  it.each([
    "'https://api.example'",
    "'https://api.example:8443/v1'",
    "'https://api.example/v1/' + inputs.name",
    "\"https://api.example/\" + string(inputs.number + 1) + '/x?a=b' + inputs.list[0]",
    "'https://api.example/' + (inputs.name == '' ? 'all' : inputs.name)",
    "'https://' + inputs.host + ':' + string(inputs.port) + '/v1'",
    "'https://api.example:' + string(inputs.port)",
  ])("%s is https, whatever the inputs", (url) => {
    expect(problemsOf(url)).toEqual([]);
  });

  it.each([
    "'https://api.example' + inputs.rest",
    "'https://x' == '' ? 'https://a/' : 'http://' + inputs.host",
    "'https://x/' + 'y' == inputs.name ? 'https://a/' : inputs.url",
    "'https://me@' + inputs.host",
    "'https://api.' + inputs.rest",
    "'https://'",
    "'http://api.example/'",
    "inputs.url",
  ])("%s is not", (url) => {
    expect(problemsOf(url)).toHaveLength(1);
  });
});
