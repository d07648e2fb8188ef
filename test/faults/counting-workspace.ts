import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Trust } from "../../src/contract/trust.ts";
import { parseTrust } from "../../src/verifier/index.ts";

/** A workspace made by the real commands, whose runbook calls a counting server. */
export interface CountingWorkspace {
  readonly folder: string;
  readonly root: string;
  /** Key file of `olga`, owner and operator, outside the workspace. */
  readonly ownerKey: string;
  /** What an honest reviewer of it trusts. */
  readonly trust: Trust;
}

/** Idempotency, effect and method of the contracts; steps are named after the method. */
const contracts = [
  { name: "get", method: "GET", effect: "read", idempotency: "safe" },
  { name: "put", method: "PUT", effect: "write", idempotency: "idempotent" },
  { name: "post", method: "POST", effect: "write", idempotency: "unsafe" },
] as const;

/**
 * Makes workspace, contracts, runbook `count`, an authorized engagement over loopback, and a trust file.
 *
 * @param variants further runbooks by id, made from the text of `count`.
 */
export function makeCountingWorkspace(
  steps: readonly string[],
  variants: Readonly<Record<string, (text: string) => string>> = {},
): CountingWorkspace {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-faults-"));
  const root = join(folder, "workspace");
  const ownerKey = join(folder, "olga.pem");
  const trust = join(folder, "trust.json");
  const at = ["-C", root];
  witnessops("init", root, "--owner", "olga", "--owner-key", ownerKey);
  mkdirSync(join(root, "catalog", "count"));
  for (const contract of contracts) {
    writeFileSync(join(root, "catalog", "count", `${contract.name}.yaml`), contractText(contract));
  }
  const count = runbookText(steps);
  for (const [id, change] of Object.entries({ count: (text: string) => text, ...variants })) {
    const text = change(count).replace("id: count\n", `id: ${id}\n`);
    writeFileSync(join(root, "runbooks", `${id}.yaml`), text);
  }
  witnessops("catalog", "lock", ...at);
  witnessops("engagement", "new", "local", "--include", "cidr:127.0.0.0/8", ...at);
  witnessops("engagement", "authorize", "local", "--key", ownerKey, ...at);
  const { publicKey } = witnessops("key", "export", "issuer-root", ...at) as { publicKey: string };
  witnessops("trust", "new", trust);
  const add = ["trust", "add", trust];
  witnessops(...add, "--issuer-root", "local", "--public-key", publicKey);
  witnessops(...add, "--principal", "olga", "--role", "owner", "--public-key", `${ownerKey}.pub`);
  return { folder, root, ownerKey, trust: parseTrust(readFileSync(trust, "utf8")) };
}

const program = join(import.meta.dirname, "..", "..", "witnessops");

/** Runs one command line; answers its JSON. */
function witnessops(...words: string[]): unknown {
  return JSON.parse(
    execFileSync(program, [...words, "--json"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
  );
}

function contractText({ name, method, effect, idempotency }: (typeof contracts)[number]): string {
  return `apiVersion: witnessops/v1
kind: Contract
id: count.${name}
version: 1.0.0
title: One ${method} that is counted
purpose: Shows how often a call arrives.
effect: ${effect}
inputs:
  type: object
  additionalProperties: false
  required: [url]
  properties: { url: { type: string } }
outputs:
  type: object
  additionalProperties: false
  required: [serial]
  properties: { serial: { type: integer } }
errors:
  - { class: BROKEN, side: external, retryable: false, when: "error.phase == 'response'", meaning: no whole answer }
scope:
  subjects: [{ kind: url, from: inputs.url }]
  endpoints: [{ url: inputs.url }]
  actions: [one ${method}]
  disallowed: [everything else]
authority: { roles: [operator], approval: none }
execution:
  adapter: http
  with:
    method: "'${method}'"
    url: inputs.url
    headers: { idempotency-key: idempotencyKey }
  outputs: { serial: result.body.json.serial }
  timeout: 10s
  idempotency: ${idempotency}
evidence:
  artifacts:
    - { name: request, mediaType: application/json, required: true, sensitivity: internal }
    - { name: response-head, mediaType: application/json, required: true, sensitivity: internal }
    - { name: response-body, mediaType: application/json, required: true, sensitivity: internal }
  maxBytes: 1MB
failure: { onFailure: stop }
boundary: { external: [how it counts] }
attests: that the server answered this request
doesNotAttest: that it counted it
`;
}

/** Steps are called \`get-1\`, \`put-2\`, …: the contract's name and the step's number. */
function runbookText(steps: readonly string[]): string {
  const lines = steps.map((name, i) => {
    const id = `${name}-${i + 1}`;
    return `  - { id: ${id}, uses: count.${name}@1.0.0, with: { url: "inputs.base + '/${id}'" } }`;
  });
  return `apiVersion: witnessops/v1
kind: Runbook
id: count
version: 1.0.0
title: Calls that are counted
classification: internal
owner: olga
objective: show how often a call arrives
inputs:
  type: object
  additionalProperties: false
  required: [base]
  properties: { base: { type: string } }
scope: { include: ["cidr:127.0.0.0/8"] }
steps:
${lines.join("\n")}
`;
}
