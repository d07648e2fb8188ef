// Who allowed a target to be touched: a letter that is kept as it was signed, and control of a domain, looked up
// through the governed path against a real name server and a real web server, with an end.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import dns2 from "dns2";
import { afterEach, describe, expect, it } from "vitest";
import { openNetwork } from "../src/adapter/egress/guarded-network.ts";
import { dns } from "../src/adapters/dns/dns-adapter.ts";
import { http } from "../src/adapters/http/http-adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import type { Engagement } from "../src/contract/engagement.ts";
import { implicitRunbook } from "../src/contract/implicit-runbook.ts";
import { parseContract } from "../src/contract/parse-contract.ts";
import { parseEngagement } from "../src/contract/parse-engagement.ts";
import type { JsonObject } from "../src/format/json.ts";
import { advance } from "../src/run/advance.ts";
import { challengeCall, recordDomainControl } from "../src/run/domain-control.ts";
import type { Lane } from "../src/run/lane.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract, noopAdapter } from "./fixtures/contracts.ts";
import type { Draft, Forgery } from "./fixtures/forge-bundle.ts";
import { openTestLane, type TestLane } from "./fixtures/lane.ts";
import { judge, retold, VALID, verdict } from "./fixtures/real-run.ts";
import { makeCertificate, startDns, startHttps } from "./local-servers.ts";

const catalog = (file: string): Contract =>
  parseContract(readFileSync(join(import.meta.dirname, "..", "catalog", file), "utf8"), { file });
const TOKEN = "witnessops-7f3a0c1d2e4b5968";
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function byControl(method: "dns-txt" | "well-known" = "dns-txt", validFor = "30d"): Partial<Engagement> {
  return {
    scope: { include: ["host:example.test", "host:*.example.test", "cidr:127.0.0.0/8"] },
    authorizations: [
      {
        id: "owner-of-the-domain",
        kind: "domain-control",
        grantedBy: "who publishes the token",
        targets: method === "dns-txt" ? ["host:example.test", "host:*.example.test"] : ["host:example.test"],
        challenge: { domain: "example.test", method, token: TOKEN, validFor },
      },
    ],
  };
}

/** A name server whose TXT records can be changed, and addresses of loopback for every name. */
async function zone(texts: { published: string[] }) {
  const server = await startDns((request, send) => {
    const [question] = request.questions;
    const response = dns2.Packet.createResponseFromRequest(request);
    const name = question?.name.toLowerCase() ?? "";
    if (question?.type === dns2.Packet.TYPE.TXT && name === "_witnessops-challenge.example.test") {
      for (const data of texts.published)
        response.answers.push(
          new dns2.Packet.Resource({
            name,
            type: dns2.Packet.TYPE.TXT,
            class: dns2.Packet.CLASS.IN,
            ttl: 60,
            data,
          }),
        );
    } else if (question?.type === dns2.Packet.TYPE.A) {
      const address = "127.0.0.1";
      response.answers.push(
        new dns2.Packet.Resource({
          name,
          type: dns2.Packet.TYPE.A,
          class: dns2.Packet.CLASS.IN,
          ttl: 60,
          address,
        }),
      );
    }
    send(response);
  });
  closers.push(() => server.close());
  return server.resolver;
}

async function workspace(
  engagement: Partial<Engagement>,
  options: {
    resolvers?: string[];
    extraCa?: string;
    clock?: () => number;
    letters?: `sha256:${string}`[];
    /** Where sites listen: `http.control` with another default. */
    port?: number;
  } = {},
): Promise<{ test: TestLane; lane: Lane }> {
  const { resolvers = [], extraCa, clock, letters, port = 443 } = options;
  const fetched = catalog("http/control.yaml");
  const properties = {
    ...(fetched.inputs.properties as JsonObject),
    port: { type: "integer", default: port },
  };
  const test = await openTestLane({
    adapters: [noopAdapter, dns, http],
    contracts: [
      exampleContract(),
      catalog("dns/control.yaml"),
      { ...fetched, inputs: { ...fetched.inputs, properties } },
    ],
    engagement,
    ...(clock === undefined ? {} : { clock }),
    ...(letters === undefined ? {} : { letters }),
  });
  closers.push(() => test.close());
  const lane: Lane = {
    ...test.lane,
    openNetwork: (rules) =>
      openNetwork({ ...rules, resolvers, ...(extraCa === undefined ? {} : { extraCa }) }),
  };
  return { test, lane };
}

async function call(lane: Lane, contract: Contract, inputs: JsonObject): Promise<string> {
  const runbook = implicitRunbook(contract, Object.keys(inputs), "olga", "internal", contract.purpose);
  const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
  if (!started.started) throw new Error(started.problems.join("; "));
  await advance(lane, started.run);
  return started.run;
}

const target = (lane: Lane) => call(lane, exampleContract(), { host: "www.example.test" });
const outcome = (lane: Lane, run: string) => {
  const [step] = viewRun(lane, run).steps;
  return [step?.outcome, step?.reason];
};

async function prove(lane: Lane, more: JsonObject = {}): Promise<string> {
  const [authorization] = lane.definitions.engagement("acme").authorizations;
  if (authorization === undefined) throw new Error("nothing to prove");
  const { contract, inputs } = challengeCall(authorization);
  const run = await call(lane, lane.definitions.contract(`${contract}@1.0.0`).contract, {
    ...inputs,
    ...more,
  });
  await recordDomainControl(lane, run, authorization);
  return run;
}

describe("control of a domain", () => {
  it("permits its targets from the look-up that found the token on, until the proof ends", async () => {
    const texts = { published: ["something else"] };
    let skew = 0;
    const resolvers = [await zone(texts)];
    const { test, lane } = await workspace(byControl(), { resolvers, clock: () => Date.now() + skew });
    expect(outcome(lane, await target(lane))).toEqual(["denied", "control-not-proved"]);
    await expect(prove(lane)).rejects.toThrow(/the token of `owner-of-the-domain` was not found/);
    expect(outcome(lane, await target(lane))).toEqual(["denied", "control-not-proved"]);

    texts.published.push(TOKEN);
    const look = await prove(lane);
    const run = await target(lane);
    expect(outcome(lane, run)).toEqual(["executed", undefined]);
    const report = await judge(test, [look, run], lane);
    expect(verdict(report)).toEqual(VALID);
    const alone = await judge(test, [run], lane);
    expect(verdict(alone)).toEqual(VALID);
    expect(JSON.stringify(alone.layers)).toContain("is the host's word: the run that looked is not here");

    skew = 31 * 86_400_000 - 3_600_000 * 24 * 2;
    expect(outcome(lane, await target(lane))).toEqual(["executed", undefined]);
  });

  it("does not hold for longer, or from another question, than the engagement says, whoever records it", async () => {
    const resolvers = [await zone({ published: [TOKEN] })];
    const { test, lane } = await workspace(byControl(), { resolvers });
    const look = await prove(lane);
    const run = await target(lane);
    const longer = (value: { expiresAt?: unknown }): void => {
      value.expiresAt = new Date(Date.parse(String(value.expiresAt)) + 86_400_000).toISOString();
    };
    const proved = (change: (detail: JsonObject) => void) => (draft: Draft) => {
      if (draft.predicate.event === "domain-control-proved") change(draft.predicate.detail as JsonObject);
      return undefined;
    };
    const told = (forgery: Forgery) => retold(test, [look, run], forgery, lane);
    const late = await told({
      receipt: proved(longer),
      gateRecord: ({ proofs }) => void proofs?.forEach((proof) => void longer(proof as object)),
    });
    expect(late.reasons.join()).toContain("would hold for longer than the engagement says");
    const elsewhere = await told({
      receipt: proved((detail) => void Object.assign(detail, { domain: "else.test" })),
    });
    expect(elsewhere.reasons.join()).toContain("is about another challenge");
    const asked = await told({
      gateRecord: ({ action }) => {
        if (action.contract.id === "dns.control")
          Object.assign(action.inputs, { domain: "www.example.test" });
      },
    });
    expect([late.verdict, elsewhere.verdict, asked.verdict]).toEqual(["invalid", "invalid", "invalid"]);
  });

  it("ends: later it is looked up again, or nothing runs", async () => {
    let skew = 0;
    const resolvers = [await zone({ published: [TOKEN] })];
    const { lane } = await workspace(byControl("dns-txt", "10d"), {
      resolvers,
      clock: () => Date.now() + skew,
    });
    await prove(lane);
    skew = 11 * 86_400_000;
    expect(outcome(lane, await target(lane))).toEqual(["denied", "control-not-proved"]);
    await prove(lane);
    expect(outcome(lane, await target(lane))).toEqual(["executed", undefined]);
  });

  it("by a file on the web site, for that host only", async () => {
    const certificate = await makeCertificate("example.test");
    const site = await startHttps(certificate, (request, response) => {
      if (request.url === "/.well-known/witnessops-challenge.txt") response.end(`${TOKEN}\n`);
      else response.writeHead(404).end();
    });
    closers.push(() => site.close());
    const resolvers = [await zone({ published: [] })];
    const { test, lane } = await workspace(byControl("well-known"), {
      resolvers,
      extraCa: certificate.cert,
      port: site.port,
    });
    const other = await startHttps(certificate, (_, response) => void response.end(`${TOKEN}\n`));
    closers.push(() => other.close());
    await expect(prove(lane, { port: other.port })).rejects.toThrow(/asked for something else/);
    const look = await prove(lane);
    const run = await call(lane, exampleContract(), { host: "example.test" });
    expect(outcome(lane, run)).toEqual(["executed", undefined]);
    expect(outcome(lane, await target(lane))).toEqual(["denied", "target-not-authorized"]);
    expect(verdict(await judge(test, [look, run], lane))).toEqual(VALID);
  });

  it("proves what is below the domain, and is not written for more", () => {
    const text = (changes: object) =>
      JSON.stringify({ authorizations: [{ ...byControl().authorizations?.[0], ...changes }] });
    expect(() => parseEngagement(text({ targets: ["host:other.test"] }))).toThrow(
      /targets\[0\].*is not what control of `example.test` proves/,
    );
    expect(() => parseEngagement(text({ targets: ["cidr:10.0.0.0/8"] }))).toThrow(/is not what control/);
    expect(() => parseEngagement(text({ targets: ["host:badexample.test"] }))).toThrow(/is not what control/);
    expect(() => parseEngagement(text({ challenge: undefined }))).toThrow(/challenge.*is missing/);
    const challenge = { domain: "example.test", method: "well-known", token: TOKEN, validFor: "100d" };
    expect(() => parseEngagement(text({ challenge }))).toThrow(/must not be more than 90d/);
  });

  it("is not told by a server that has every issuer key", async () => {
    const resolvers = [await zone({ published: [TOKEN] })];
    const { test, lane } = await workspace(byControl(), { resolvers });
    const look = await prove(lane);
    const run = await target(lane);
    const told = (receipt: NonNullable<Forgery["receipt"]>) => retold(test, [look, run], { receipt }, lane);
    const without = await told(({ predicate }) => predicate.event !== "domain-control-proved");
    expect(without.verdict).toBe("invalid");
    expect(without.reasons.join()).toContain("no receipt before the call records the proof");
    const other = await told(({ predicate }) => {
      const { outputs } = predicate.invocation ?? {};
      if (predicate.run === look && outputs !== undefined) Object.assign(outputs, { values: ["nothing"] });
      return undefined;
    });
    expect(codes(other)).toContain("FAILURE_DECISION_MISMATCH");
  });
});

describe("a signed letter", () => {
  const letterDigest = `sha256:${"a".repeat(64)}` as const;
  const byLetter: Partial<Engagement> = {
    authorizations: [
      { id: "letter", kind: "letter", grantedBy: "Acme", targets: ["host:*.example.test"], letterDigest },
    ],
  };

  it("is kept as it was signed, or no run starts", async () => {
    const without = await workspace(byLetter);
    await expect(target(without.lane)).rejects.toThrow(
      /the letter of `letter` is not kept with the engagement/,
    );
    const { test, lane } = await workspace(byLetter, { letters: [letterDigest] });
    const run = await target(lane);
    expect(outcome(lane, run)).toEqual(["executed", undefined]);
    expect(verdict(await judge(test, [run], lane))).toEqual(VALID);
  });
});
