import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../format/json.ts";
import { ContractError } from "../contract-error.ts";
import { lintContract } from "../lint-contract.ts";
import { lintRunbook } from "../lint-runbook.ts";
import { contractFromJson } from "../parse-contract.ts";
import { runbookFromJson } from "../parse-runbook.ts";
import { decideWhen } from "../step-inputs.ts";
import { type ImportedPlaybook, importCacao } from "./import-cacao.ts";
import { readPlaybook } from "./read-playbook.ts";

const path = join(import.meta.dirname, "../../../test/fixtures/cacao/every-construct.json");
const every = JSON.parse(readFileSync(path, "utf8"));
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function drafted(value: unknown, tolerant = false): ImportedPlaybook {
  return importCacao(readPlaybook(bytesOf(value), "playbook"), {
    subject: "playbook",
    tolerant,
    signatures: [],
  });
}
function faultsOf(value: unknown, tolerant = false): string[] {
  try {
    drafted(value, tolerant);
  } catch (error) {
    if (error instanceof ContractError) return error.faults.map((fault) => `${fault.path}: ${fault.message}`);
    throw error;
  }
  return [];
}

/** A playbook of one action between start and end, with its parts changed. */
function small(step: object = {}, playbook: object = {}, more: object = {}): JsonObject {
  return {
    type: "playbook",
    spec_version: "cacao-2.0",
    id: `playbook--${uuid(1)}`,
    name: "Small",
    created_by: `identity--${uuid(2)}`,
    created: "2026-01-01T00:00:00.000Z",
    modified: "2026-01-01T00:00:00.000Z",
    workflow_start: `start--${uuid(3)}`,
    workflow: {
      [`start--${uuid(3)}`]: { type: "start", on_completion: `action--${uuid(4)}` },
      [`action--${uuid(4)}`]: {
        type: "action",
        name: "Act",
        agent: `individual--${uuid(6)}`,
        commands: [{ type: "manual", command: "Do it" }],
        on_completion: `end--${uuid(5)}`,
        ...step,
      },
      [`end--${uuid(5)}`]: { type: "end" },
      ...more,
    },
    agent_definitions: { [`individual--${uuid(6)}`]: { type: "individual", name: "Ana" } },
    ...playbook,
  } as JsonObject;
}
const at = `workflow.action--${uuid(4)}`;

/** What people might decide, so that only what the importer itself wrote is judged. */
function decided(value: unknown, key = ""): unknown {
  if (typeof value === "string" && value.startsWith("decide:")) {
    const known: Record<string, string> = {
      effect: "write",
      idempotency: "unsafe",
      classification: "internal",
      owner: "team",
      ref: "env:API_CREDENTIAL",
      target: "'recovery'",
      lines: "result.stdout.lines",
    };
    if (value.includes("which part of the")) return "'x'";
    return known[key] ?? "host:decided.example";
  }
  if (Array.isArray(value)) return value.map((one) => decided(one, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, decided(one, name)]));
}

describe("a playbook of every construct", () => {
  const imported = drafted(every);

  it("becomes drafts that lint refuses until people decided, and takes when they have", () => {
    expect(() => runbookFromJson(imported.runbook)).toThrow(ContractError);
    const contracts = new Map(
      imported.contracts.map((one) => [
        `${String(one.id)}@1.0.0`,
        contractFromJson(decided(one) as JsonObject),
      ]),
    );
    for (const contract of contracts.values())
      expect(
        lintContract(contract).filter(({ level }) => level === "error"),
        contract.id,
      ).toEqual([]);
    const runbook = runbookFromJson(decided(imported.runbook) as JsonObject);
    expect(lintRunbook(runbook, contracts).filter(({ level }) => level === "error")).toEqual([]);
  });

  it("leaves something to decide in every contract but the delay's and says so", () => {
    for (const contract of imported.contracts) expect(JSON.stringify(contract)).toContain("decide:");
  });

  it("maps or lists every step and every command", () => {
    const said = `${JSON.stringify(imported.runbook)} ${imported.losses.map((one) => `${one.id} ${one.path}`).join(" ")}`;
    for (const [id, step] of Object.entries(
      every.workflow as Record<string, { type: string; name?: string }>,
    )) {
      if (
        step.type === "start" ||
        step.type === "end" ||
        step.type === "if-condition" ||
        step.type === "switch-condition"
      )
        continue;
      expect(said.includes(id) || said.includes(step.name ?? ""), id).toBe(true);
    }
    for (const type of ["ssh", "powershell", "caldera-cmd", "elastic", "jupyter", "kestrel", "yara", "sigma"])
      expect(
        imported.losses.some(({ lost }) => lost.startsWith(`\`${type}\``)),
        type,
      ).toBe(true);
    for (const loss of imported.losses) for (const part of Object.values(loss)) expect(part).not.toBe("");
  });

  it("takes branches, failures and what follows them as the playbook says", () => {
    const runbook = runbookFromJson(decided(imported.runbook) as JsonObject);
    const runs = (id: string, steps: JsonObject, inputs: JsonObject) => {
      const step = runbook.steps.find((one) => one.id === id);
      return decideWhen(step as never, { inputs, steps });
    };
    const looked = (outcome: string, verdict = "good") => ({
      "look-the-host-up": { outcome, outputs: { verdict } },
    });
    const severe = { severity: 5, mode: "soft", verdict: "unknown" };
    expect(runs("call-the-desk", looked("failed"), severe)).toEqual({ ok: true, holds: true });
    expect(runs("call-the-desk", looked("executed"), severe)).toEqual({ ok: true, holds: false });
    expect(runs("block", looked("executed"), severe)).toEqual({ ok: true, holds: true });
    expect(runs("block", looked("executed"), { ...severe, mode: "hard" })).toEqual({
      ok: true,
      holds: false,
    });
    expect(runs("note-it", looked("executed"), { ...severe, severity: 3 })).toEqual({
      ok: true,
      holds: true,
    });
    expect(runs("note-it", looked("failed"), { ...severe, severity: 3 })).toEqual({ ok: true, holds: false });
    expect(runs("other-tools-1", looked("executed", "bad"), severe)).toEqual({ ok: true, holds: true });
    expect(runs("pipe-1", looked("executed", "bad"), severe)).toEqual({ ok: true, holds: false });
    expect(runs("pipe-1", looked("executed", "good"), severe)).toEqual({ ok: true, holds: true });
    const seen = (answer: boolean) => ({
      "seen-on-the-network": { outcome: "executed", outputs: { answer } },
    });
    expect(runs("look-again", seen(true), severe)).toEqual({ ok: true, holds: true });
    expect(runs("look-again", seen(false), severe)).toEqual({ ok: true, holds: false });
  });

  it("never makes a command out of text", () => {
    const text = JSON.stringify(imported.contracts);
    const http = imported.contracts.find(({ id }) => id === "contain-a-host.look-the-host-up") as never as {
      execution: { with: JsonObject; secrets: JsonObject[] };
      inputs: { properties: Record<string, JsonObject> };
    };
    expect(http.execution.with).toMatchObject({
      url: "'https://inventory.example/api/v1/hosts/' + inputs.address",
      query: { verbose: "'true'", mode: "inputs.mode" },
      headers: { accept: "'application/json'" },
    });
    expect(http.execution.secrets).toMatchObject([
      { into: { kind: "header", name: "authorization", scheme: "bearer" } },
    ]);
    expect(http.inputs.properties.address?.pattern).toBe("^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$");
    expect(text).not.toContain("api_secret__:value");
    const exec = imported.contracts.find(({ id }) => id === "contain-a-host.note-it") as never as {
      execution: { with: JsonObject };
    };
    expect(exec.execution.with).toMatchObject({
      command: "'logger'",
      args: ["'-t'", "'contain'", "'seen host'", "string(inputs.mode)"],
    });
  });

  it("is the same whenever it is drafted", () => {
    expect(drafted(every)).toEqual(imported);
  });
});

describe("what is refused in every mode", () => {
  it.each([
    ["a step that is missing", small({ on_completion: `end--${uuid(9)}` }), `${at}.on_completion: step`],
    [
      "a step that points at itself",
      small({ on_completion: `action--${uuid(4)}` }),
      `${at}.on_completion: points at its own step`,
    ],
    [
      "a start that is missing",
      small({}, { workflow_start: `start--${uuid(8)}` }),
      "workflow_start: names no step",
    ],
    [
      "an exception step that is missing",
      small({}, { workflow_exception: "x" }),
      "workflow_exception: names no step",
    ],
    ["a step type that there is not", small({ type: "loop" }), "there is no step type `loop`"],
    ["a list of next steps that is none", small({ next_steps: 4 }), "must be a list"],
    ["a pointer that is no text", small({ on_completion: { a: 1 } }), "must be the id of a step"],
    ["a case that is no text", small({ cases: { x: 1 } }), "cases.x: must be the id of a step"],
    ["a target that is not defined", small({ targets: ["linux--x"] }), "is defined nowhere"],
    ["another standard", small({}, { spec_version: "3.0" }), "`cacao-2.0` is read here"],
    ["another object", small({}, { type: "bundle" }), "type: must be `playbook`"],
    ["no workflow", small({}, { workflow: [] }), "workflow: is missing"],
  ])("%s", (_name, playbook, message) => {
    for (const tolerant of [false, true]) expect(faultsOf(playbook, tolerant).join("\n")).toContain(message);
  });

  it("too many steps, targets and next steps, at once and quickly", () => {
    const started = performance.now();
    const many = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, n) => [`end--${n}`, { type: "end" }]),
    );
    expect(faultsOf(small({}, { workflow: many }), true).join()).toContain("more than 500 steps");
    expect(faultsOf(small({ next_steps: Array(100_000).fill("x") }), true).join()).toContain("at most 500");
    expect(faultsOf(small({ targets: Array(50_000).fill(`individual--${uuid(6)}`) }), true).join()).toContain(
      "more than 200",
    );
    expect(
      faultsOf(small({ commands: Array(100_000).fill({ type: "manual", command: "x" }) }), true).join(),
    ).toContain("more than 500 steps");
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

it("a long workflow, and one whose branches meet again and again, end soon", () => {
  const started = performance.now();
  const chain = Object.fromEntries(
    Array.from({ length: 450 }, (_, n) => [
      `action--${uuid(100 + n)}`,
      {
        type: "action",
        name: `s${n}`,
        agent: `individual--${uuid(6)}`,
        commands: [{ type: "manual", command: "x" }],
        on_success: n === 449 ? `end--${uuid(5)}` : `action--${uuid(101 + n)}`,
        on_failure: `end--${uuid(5)}`,
      },
    ]),
  );
  expect(drafted(small({ on_completion: `action--${uuid(100)}` }, {}, chain)).runbook.steps).toHaveLength(
    451,
  );
  const meeting = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => {
      const next = n === 99 ? `action--${uuid(4)}` : `if-condition--${uuid(101 + n)}`;
      return [
        `if-condition--${uuid(100 + n)}`,
        { type: "if-condition", name: "x", condition: "__a__:value = 'x'", on_true: next, on_false: next },
      ];
    }),
  );
  const playbook = small(
    {},
    { playbook_variables: { __a__: { type: "string", value: "x" } } },
    {
      ...meeting,
      [`start--${uuid(3)}`]: { type: "start", on_completion: `if-condition--${uuid(100)}` },
    },
  );
  expect(faultsOf(playbook).join()).toContain("in more ways than one condition can say");
  expect(performance.now() - started).toBeLessThan(20_000);
});

describe("secrets that stand in a playbook", () => {
  const SECRET = "hunter2hunter2";
  const credential = (info: object, more: object = {}) =>
    small(
      {},
      {
        authentication_info_definitions: { [`user-auth--${uuid(7)}`]: { type: "user-auth", ...info } },
        ...more,
      },
    );
  it.each([
    ["a password", credential({ password: SECRET }), "password"],
    ["a token", credential({ token: SECRET }), "token"],
    ["a private key", credential({ private_key: SECRET }), "private_key"],
    [
      "a password by a variable with a value",
      credential(
        { password: "__pw__:value" },
        { playbook_variables: { __pw__: { type: "string", value: SECRET } } },
      ),
      "__pw__",
    ],
    [
      "a variable that is named so",
      small({}, { playbook_variables: { __api_token__: { type: "string", value: SECRET } } }),
      "__api_token__",
    ],
    [
      "a step's variable that is named so",
      small({ step_variables: { __password__: { type: "string", value: SECRET } } }),
      "__password__",
    ],
    [
      "a header",
      small({
        commands: [
          { type: "http-api", command: "GET / HTTP/1.1", headers: { Authorization: [`Bearer ${SECRET}`] } },
        ],
      }),
      "headers.Authorization[0]",
    ],
    [
      "a command line",
      small({ commands: [{ type: "bash", command: `mysql --password=${SECRET}` }] }),
      "commands[0].command",
    ],
    [
      "a URL",
      small({ commands: [{ type: "manual", command: `see https://ana:${SECRET}@x.example/` }] }),
      "commands[0].command",
    ],
    [
      "base64 of a command",
      small({ commands: [{ type: "jupyter", command_b64: btoa(`token = "${SECRET}"`) }] }),
      "commands[0].command_b64",
    ],
    [
      "a private key in prose",
      small({ description: `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}` }),
      "description",
    ],
    ...(
      [
        ["a member of a body", { content: `{"client_secret":"${SECRET}"}` }],
        ["a token in a body", { content: `{"a":[{"access_token":"${SECRET}"}]}` }],
        ["a password in a body", { content: `{"db_password":"${SECRET}"}` }],
        ["a password in camel case", { content_b64: btoa(`{"adminPassword":"${SECRET}"}`) }],
        ["a form", { content: `grant=x&client_secret=${SECRET}` }],
        ["a query's token", { command: `GET /x?access_token=${SECRET} HTTP/1.1` }],
        ["a query's key", { command: `GET /x?a=b&key=${SECRET} HTTP/1.1` }],
        ["a query's signature", { command: `GET /x?sig=${SECRET} HTTP/1.1` }],
        ["a header of a key", { headers: { "X-Auth-Key": [SECRET] } }],
        ["a header of a subscription", { headers: { "Ocp-Apim-Subscription-Key": [SECRET] } }],
        ["a header of a session", { headers: { "X-Session-Id": [SECRET] } }],
      ] as const
    ).map(
      ([name, command]) =>
        [
          name,
          small({ commands: [{ type: "http-api", command: "POST / HTTP/1.1", ...command }] }),
          "commands[0]",
        ] as [string, JsonObject, string],
    ),
    ...[
      `curl -u admin:${SECRET} https://x.example/`,
      `curl -H "X-Api-Key: ${SECRET}" https://x.example/`,
      `curl -H "Authorization: Token ${SECRET}" https://x.example/`,
      `mysql -uroot -p${SECRET} -e status`,
      `PGPASSWORD=${SECRET} psql`,
      `export AWS_SECRET_ACCESS_KEY=${SECRET}`,
      `git clone https://${SECRET}${SECRET}@x.example/y`,
    ].map(
      (command) =>
        [
          command.split(SECRET, 1)[0] ?? "",
          small({ commands: [{ type: "bash", command }] }),
          "commands[0].command",
        ] as [string, JsonObject, string],
    ),
    [
      "a dictionary",
      small({}, { playbook_variables: { __login__: { type: "dictionary", value: { password: SECRET } } } }),
      "__login__",
    ],
  ])("%s: refused by its path, its value never told", (_name, playbook, where) => {
    for (const tolerant of [false, true]) {
      const told = faultsOf(playbook, tolerant).join("\n");
      expect(told).toContain(where);
      expect(told).toContain("a secret stands here");
      expect(told).not.toContain(SECRET);
    }
  });

  it.each([
    "Force a password reset, and revoke every token that is left.",
    "New password: must be changed at the next login. Secret questions too.",
    "mysql --password=__db_password__:value",
    "curl -H 'Authorization: Bearer __api_token__:value' https://x.example/",
    "see https://x.example:8443/a@b",
    "ssh -u root; compass=north-east bypass=always max_tokens=1000 key=value",
    "export AWS_SECRET_ACCESS_KEY=$SECRET_OF_CI",
  ])("`%s` holds none", (command) => {
    expect(faultsOf(small({ commands: [{ type: "manual", command }] }))).toEqual([]);
  });

  it("references to them are none", () => {
    expect(
      faultsOf(
        credential(
          { username: "svc", password: "__pw__:value" },
          { playbook_variables: { __pw__: { type: "string", external: true } } },
        ),
      ),
    ).toEqual([]);
    expect(faultsOf(credential({ kms: true, kms_key_identifier: "key-7" }))).toEqual([]);
  });
});

describe("departures from the standard", () => {
  it.each([
    ["an older version", small({}, { spec_version: "1.1" })],
    ["a version without its name", small({}, { spec_version: "2.0" })],
    ["no creator", small({}, { created_by: "" })],
    ["created after modified", small({}, { created: "2027-01-01T00:00:00.000Z" })],
    ["a time without milliseconds", small({}, { created: "2026-01-01T00:00:00Z" })],
    ["an id that is no UUID", small({}, { id: "playbook--1" })],
    ["a UUID without a version", small({}, { id: "playbook--00000000-0000-0000-0000-000000000001" })],
    ["an id of another type", small({}, {}, { [`start--${uuid(5)}`]: { type: "end" } })],
    [
      "an extension that is not defined",
      small({ step_extensions: { [`extension-definition--${uuid(5)}`]: {} } }),
    ],
    ["a command type of its own", small({ commands: [{ type: "magic", command: "x" }] })],
    ["no agent", small({ agent: undefined })],
    ["a step of 1.x", small({ type: "single" })],
    ["both ways on", small({ on_success: `end--${uuid(5)}` })],
    ["a marking that is not there", small({}, { markings: ["marking-tlp--x"] })],
    ["a revoked playbook", small({}, { revoked: true })],
    ["a variable with another name", small({}, { playbook_variables: { $x: { type: "string" } } })],
  ])("%s: refused when strict, listed when tolerant", (_name, playbook) => {
    expect(faultsOf(playbook)).not.toEqual([]);
    expect(drafted(playbook, true).deviations).not.toEqual([]);
  });

  it("a way back is refused when strict and listed as lost when tolerant", () => {
    const loop = small(
      { on_completion: `action--${uuid(7)}` },
      {},
      {
        [`action--${uuid(7)}`]: {
          type: "action",
          name: "Again",
          agent: `individual--${uuid(6)}`,
          commands: [{ type: "manual", command: "x" }],
          on_success: `action--${uuid(4)}`,
          on_failure: `end--${uuid(5)}`,
        },
      },
    );
    expect(faultsOf(loop).join()).toContain("leads back to an earlier step");
    expect(
      drafted(loop, true)
        .losses.map(({ lost }) => lost)
        .join(),
    ).toContain("the way back was not drafted");
  });

  it("a step without commands, under a condition, makes nothing after it unconditional", () => {
    const playbook = small(
      { commands: [], on_completion: `action--${uuid(8)}` },
      { playbook_variables: { __a__: { type: "string", value: "x" } } },
      {
        [`start--${uuid(3)}`]: { type: "start", on_completion: `if-condition--${uuid(7)}` },
        [`if-condition--${uuid(7)}`]: {
          type: "if-condition",
          name: "If",
          condition: "__a__:value = 'y'",
          on_true: `action--${uuid(4)}`,
          on_completion: `end--${uuid(5)}`,
        },
        [`action--${uuid(8)}`]: {
          type: "action",
          name: "After",
          agent: `individual--${uuid(6)}`,
          commands: [{ type: "manual", command: "x" }],
          on_completion: `end--${uuid(5)}`,
          owner: "identity--x",
        },
      },
    );
    const { runbook, losses } = drafted(playbook, true);
    expect(runbook.steps).toMatchObject([{ id: "after", when: "(inputs.a == 'y')" }]);
    expect(losses.map(({ path, lost }) => `${path} ${lost}`).join()).toContain("`owner` of the step");
  });

  it("a step that nothing leads to is listed, not drafted", () => {
    const { runbook, losses } = drafted(small({}, {}, { [`end--${uuid(9)}`]: { type: "end" } }));
    expect(runbook.steps).toHaveLength(1);
    expect(losses.map(({ lost }) => lost).join()).toContain("is reached from nowhere");
  });
});

describe("what may not be read in two ways", () => {
  const refusedAs = (text: string | Uint8Array) => {
    try {
      readPlaybook(typeof text === "string" ? bytesOf(text) : text, "playbook");
    } catch (error) {
      if (error instanceof ContractError) return `${error.code} ${error.message}`;
      throw error;
    }
    return "read";
  };
  it.each([
    ["no JSON", "type: playbook", "not JSON"],
    ["nothing", "", "not JSON"],
    ["a list", "[]", "is a JSON object"],
    ["a key twice", '{"workflow":{"a":1,"b":[{"x":1,"x":2}]}}', "`workflow.b[0].x`: the key occurs twice"],
    ["a key twice, escaped", '{"a":1,"\\u0061":2}', "`a`: the key occurs twice"],
    ["a prototype", '{"a":{"__proto__":{"type":"x"}}}', "`a`: the key `__proto__`"],
    ["half a character", '{"a":"\\ud800"}', "not valid Unicode"],
    ["depth", `{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`, "nested deeper than 64"],
    ["much depth", "[".repeat(1_000_000), "DOCUMENT_MALFORMED"],
    ["bytes that are no text", Uint8Array.of(0x7b, 0xff, 0x7d), "not JSON in UTF-8"],
    ["size", `{"a":"${"x".repeat(5_000_000)}"}`, "DOCUMENT_TOO_LARGE"],
  ])("%s", (_name, text, message) => {
    expect(refusedAs(text as string)).toContain(message);
  });

  it("text that keeps patterns busy costs no more than its length", () => {
    const started = performance.now();
    for (const text of [
      "__a".repeat(100_000),
      "$$a".repeat(100_000),
      `${"a ".repeat(100_000)}=`,
      "//a:".repeat(50_000),
      "token ".repeat(50_000),
      "_".repeat(300_000),
    ])
      faultsOf(small({ commands: [{ type: "bash", command: text }], name: text, description: text }), true);
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});
