import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type CallOptions,
  faultOfRun,
  memoryCapture,
  resultOf,
  runAdapter,
  testNetwork,
} from "../../../test/adapter-call.ts";
import { type LocalServer, startTcp } from "../../../test/local-servers.ts";
import { type S3Server, startS3Server } from "../../../test/s3-server.ts";
import type { Call, SecretValue } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { isDoubtful } from "../../contract/doubtful-error.ts";
import type { JsonObject } from "../../format/json.ts";
import type { S3Parameters } from "./parameters.ts";
import { readListing } from "./read-listing.ts";
import { s3 } from "./s3-adapter.ts";
import { signRequest, urlOf } from "./sign-request.ts";

const folder = mkdtempSync(join(tmpdir(), "witnessops-s3-"));
const others: LocalServer[] = [];
let server: S3Server;

beforeAll(async () => {
  server = await startS3Server(folder);
});
afterEach(() => {
  server.intercept = undefined;
});
afterAll(async () => {
  for (const one of others) await one.close();
  await server.local.close();
  rmSync(folder, { recursive: true, force: true });
});

const secret = (name: string, value: string): SecretValue => ({ name, value, into: { kind: "key", name } });
const secrets = () => [
  secret("access-key-id", server.accessKeyId),
  secret("secret-access-key", server.secretAccessKey),
];
const base = () => ({ host: "127.0.0.1", port: server.port, region: "eu-central-1", bucket: server.bucket });
const endpoints = (port: number) => [{ host: "127.0.0.1", port, protocol: "tcp" as const }];
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

function run(parameters: JsonObject, options: Partial<CallOptions> = {}) {
  return runAdapter(s3, {
    with: { ...base(), ...parameters },
    endpoints: endpoints(server.port),
    extraCa: server.ca,
    secrets: secrets(),
    artifacts: ["request", "response-head", "object", "listing"],
    timeoutMs: 5000,
    ...options,
  });
}

describe("s3", () => {
  it("puts an object with its checksum, and reads it back", async () => {
    const text = '{"finding":"é"}\n';
    const put = await run({
      operation: "put",
      key: "case 7/a+b é&~'(1).json",
      text,
      mediaType: "application/json",
    });
    expect(resultOf(put)).toMatchObject({ sha256: hashOf(text), size: 17, verified: true });
    expect(put.artifacts.get("request")?.toString()).toContain("if-none-match");
    const got = await run({ operation: "get", key: "case 7/a+b é&~'(1).json" });
    expect(resultOf(got)).toMatchObject({
      sha256: hashOf(text),
      verified: true,
      mediaType: "application/json",
    });
    expect(got.artifacts.get("object")?.toString()).toBe(text);
    const head = await run({ operation: "head", key: "case 7/a+b é&~'(1).json" });
    expect(resultOf(head)).toMatchObject({ sha256: hashOf(text), size: 17, verified: false });
    const none = await run({ operation: "head", key: "nothing" });
    expect(resultOf(none)).toMatchObject({ found: false, sha256: null, size: null });
    const lie = { operation: "put", key: "lie", text: "a", sha256: hashOf("b") };
    expect(faultOfRun(await run(lie))).toMatchObject({ code: "PARAMETERS_INVALID", phase: "prepare" });
    const bytes = Buffer.from([0, 255, 10]).toString("base64");
    expect(resultOf(await run({ operation: "put", key: "bytes", base64: bytes }))).toMatchObject({ size: 3 });
  });

  it("replaces no object unless the contract says so", async () => {
    const put = { operation: "put", key: "once", text: "first" };
    resultOf(await run(put));
    expect(faultOfRun(await run({ ...put, text: "second" }))).toMatchObject({
      code: "HTTP_STATUS",
      facts: { status: 412, s3Code: "PreconditionFailed" },
    });
    expect(resultOf(await run({ operation: "get", key: "once" }))).toMatchObject({ sha256: hashOf("first") });
    resultOf(await run({ ...put, text: "second", overwrite: true }));
    expect(resultOf(await run({ operation: "get", key: "once" }))).toMatchObject({
      sha256: hashOf("second"),
    });
  });

  it("lists keys", async () => {
    const keys = Array.from({ length: 7 }, (_, i) => `list/${i} é +ü`);
    for (const key of keys) resultOf(await run({ operation: "put", key, text: key }));
    const all = await run({ operation: "list", prefix: "list/" });
    const objects = keys.map((key) => expect.objectContaining({ key, size: Buffer.byteLength(key) }));
    expect(resultOf(all)).toMatchObject({ objects, count: 7, more: false });
    expect(all.artifacts.get("listing")?.toString()).toContain("<ListBucketResult");
  });

  it("names the store's refusals", async () => {
    expect(faultOfRun(await run({ operation: "get", key: "missing" }))).toMatchObject({
      code: "HTTP_STATUS",
      facts: { status: 404, s3Code: "NoSuchKey" },
    });
    expect(faultOfRun(await run({ operation: "list", bucket: "no-such-bucket" }))).toMatchObject({
      facts: { status: 404, s3Code: "NoSuchBucket" },
    });
    const wrong = [
      secret("access-key-id", server.accessKeyId),
      secret("secret-access-key", "wrong-secret-0b5e"),
    ];
    const fault = faultOfRun(await run({ operation: "list" }, { secrets: wrong }));
    expect(fault).toMatchObject({ facts: { status: 403, s3Code: "SignatureDoesNotMatch" } });
    expect(JSON.stringify(fault)).not.toContain("wrong-secret");
  });

  it("sees that an object was changed in the store or on the way", async () => {
    resultOf(await run({ operation: "put", key: "changed", text: "as it was" }));
    server.intercept = (_, answer) => {
      const checksum = createHash("sha256").update("as it was").digest("base64");
      answer.writeHead(200, { "x-amz-checksum-sha256": checksum }).end("as it is");
      return true;
    };
    expect(faultOfRun(await run({ operation: "get", key: "changed" })).code).toBe("CHECKSUM_MISMATCH");
    server.intercept = (_, answer) => {
      answer.writeHead(200, { "x-amz-meta-sha256": hashOf("as it was") }).end("as it is");
      return true;
    };
    expect(faultOfRun(await run({ operation: "get", key: "changed" })).code).toBe("CHECKSUM_MISMATCH");
    server.intercept = (_, answer) => {
      answer.writeHead(200, { "content-length": "100" }).write("cut");
      setTimeout(() => answer.destroy(), 50);
      return true;
    };
    expect(faultOfRun(await run({ operation: "get", key: "changed" })).code).toBe("ECONNRESET");
  });

  it("does not know whether an object was put when the connection is lost, and reading back tells", async () => {
    const put = { operation: "put", bucket: "doubtful", key: "doubt", text: "is it there?" };
    server.intercept = (asked, answer) => {
      if (asked.method !== "PUT") return false;
      answer.once("finish", () => undefined);
      answer.writeHead = () => answer;
      answer.write = () => true;
      answer.end = (() => answer.destroy()) as unknown as typeof answer.end;
      return false;
    };
    const fault = faultOfRun(await run(put));
    expect(fault.phase).toBe("response");
    expect(isDoubtful("unsafe", fault, 1)).toBe(true);
    server.intercept = undefined;
    expect(resultOf(await run({ operation: "head", bucket: "doubtful", key: "doubt" }))).toMatchObject({
      sha256: hashOf(put.text),
    });
  });

  it("takes for put what the store says it keeps, and for uncertain what may be", async () => {
    const put = { operation: "put", key: "clear", text: "t" };
    const answer = (status: number, headers: Record<string, string>, body = "") => {
      server.intercept = (asked, response) => {
        asked.resume();
        return response.writeHead(status, headers).end(body) !== undefined;
      };
      return run(put);
    };
    const etag = '"e"';
    for (const status of [200, 201, 204]) resultOf(await answer(status, { etag }));
    const failure = "<?xml version='1.0'?><Error><Code>InternalError</Code></Error>";
    for (const [status, headers, body] of [
      [500, {}, ""],
      [503, {}, failure],
      [504, { etag }, ""],
      [200, {}, ""],
      [200, { etag }, failure],
    ] as const) {
      const fault = faultOfRun(await answer(status, headers, body));
      expect(fault).toMatchObject({ code: "STORE_UNCERTAIN", phase: "response" });
      expect(isDoubtful("unsafe", fault, 1)).toBe(true);
    }
    for (const status of [307, 400, 403, 412])
      expect(isDoubtful("unsafe", faultOfRun(await answer(status, {})), 1)).toBe(false);
  });

  it("tells an object that was deleted from one that never was", async () => {
    const head = { operation: "head", key: "gone" };
    expect(resultOf(await run(head))).toMatchObject({ found: false, deleteMarker: false });
    const marker = { "x-amz-delete-marker": "true", "x-amz-version-id": "v2" };
    server.intercept = (_, answer) => answer.writeHead(404, marker).end() !== undefined;
    expect(resultOf(await run(head))).toMatchObject({ found: false, deleteMarker: true, versionId: "v2" });
    const fault = faultOfRun(await run({ ...head, operation: "get" }));
    expect(fault.facts).toMatchObject({ status: 404, deleteMarker: true });
  });

  it("shows neither key nor signature in what it captures", async () => {
    const done = await run({ operation: "list", prefix: "list/" });
    resultOf(done);
    const everything = [JSON.stringify(done.outcome), ...[...done.artifacts.values()].map(String)].join("\n");
    expect(everything).not.toContain(server.secretAccessKey);
    expect(everything).not.toContain(server.accessKeyId);
    expect(everything).not.toContain("AWS4-HMAC-SHA256");
  });

  it("survives answers that are none", async () => {
    for (const [body, code] of [
      ["<html>", "OUTPUT_UNREADABLE"],
      ['<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>', "OUTPUT_UNREADABLE"],
      ["<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "OUTPUT_UNREADABLE"],
      [`<ListBucketResult>${" ".repeat(9_000_000)}</ListBucketResult>`, "SIZE_EXCEEDED"],
    ] as const) {
      server.intercept = (_, answer) => answer.writeHead(200).end(body) !== undefined;
      expect(faultOfRun(await run({ operation: "list" }, { maxBytes: 1 << 25 })).code).toBe(code);
    }
  });

  it("follows a listing to its end, and no further than that", async () => {
    const page = (key: string, token: string) =>
      `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>${key}</Key><Size>1</Size></Contents>
      <IsTruncated>${token !== ""}</IsTruncated><NextContinuationToken>${token}</NextContinuationToken></ListBucketResult>`;
    server.intercept = (asked, answer) => {
      const isSecond = asked.url?.includes("continuation-token=t%2B1") === true;
      return answer.writeHead(200).end(isSecond ? page("b+c%3C%26%3E", "") : page("a", "t+1")) !== undefined;
    };
    expect(resultOf(await run({ operation: "list" }))).toMatchObject({
      objects: [{ key: "a" }, { key: "b c<&>" }],
      pages: 2,
      more: false,
    });
    server.intercept = (_, answer) => answer.writeHead(200).end(page("again", "t")) !== undefined;
    expect(resultOf(await run({ operation: "list", maxKeys: 20 }))).toMatchObject({ count: 20, more: true });
  });

  it("does not speak to another certificate or through a closed guard, and needs its keys", async () => {
    const get = { operation: "get", key: "a" };
    expect(faultOfRun(await run(get, { endpoints: endpoints(1) })).code).toBe("EGRESS_REFUSED");
    expect(faultOfRun(await run({ ...get, host: "s3.example", addressing: "virtual" })).code).toBe(
      "EGRESS_REFUSED",
    );
    expect(faultOfRun(await run(get, { secrets: [] })).code).toBe("SECRET_MISSING");
    for (const odd of [
      { operation: "list", key: "a" },
      { operation: "get" },
      { operation: "put", key: "a" },
      { ...get, key: "a/../b" },
    ])
      expect(faultOfRun(await run(odd)).code).toBe("PARAMETERS_INVALID");
  });

  it("makes URLs in both styles, and signs with a session token too", async () => {
    const asked = {
      operation: "get",
      host: "s3.example",
      region: "us-east-1",
      bucket: "b.c",
    } as S3Parameters;
    expect(urlOf(asked, "/a b/%/+?#")?.href).toBe("https://s3.example/b.c//a%20b/%25/%2B%3F%23");
    expect(urlOf({ ...asked, addressing: "virtual" }, "k")?.href).toBe("https://b.c.s3.example/k");
    const headers = await signRequest(
      { method: "GET", url: new URL("https://s3.example/b"), headers: {}, body: undefined },
      { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "session" },
      "us-east-1",
    );
    expect(headers).toMatchObject({ "x-amz-security-token": "session", host: "s3.example" });
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/s3\/aws4_request/,
    );
  });

  it("reads nothing but listings", () => {
    expect(readListing("", 10)).toBeUndefined();
    expect(readListing("<Error/>", 10)).toBeUndefined();
    const listOf = (inside: string) => `<ListBucketResult>${inside}</ListBucketResult>`;
    const entry = "<Contents><Key>a</Key><Size>1</Size></Contents>";
    expect(readListing(listOf(entry.repeat(2)), 2)?.objects).toHaveLength(2);
    expect(readListing(listOf(entry.repeat(3)), 2)).toBeUndefined();
    for (const odd of ["<Contents><Key>a</Key></Contents>", "<Contents><Key>a</Key>", '<Contents a="">'])
      expect(readListing(listOf(entry + odd), 10)).toBeUndefined();
  });

  it("takes no time for tags that are never closed", () => {
    const started = performance.now();
    for (const tag of ["<Contents>", "<Key>", "<NextContinuationToken>", "<Contents><Key>"])
      readListing(`<ListBucketResult>${tag.repeat(300_000)}`, 1000);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("says that there is more when the store says so, and takes no key that was not asked for", async () => {
    const answer = (inside: string) => {
      const xml = `<ListBucketResult><EncodingType>url</EncodingType>${inside}</ListBucketResult>`;
      server.intercept = (_, response) => response.writeHead(200).end(xml) !== undefined;
    };
    answer("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>");
    expect(resultOf(await run({ operation: "list" }))).toMatchObject({ count: 0, pages: 1, more: true });
    answer("<IsTruncated>false</IsTruncated><Contents><Key>other%2Fkey</Key><Size>1</Size></Contents>");
    const fault = faultOfRun(await run({ operation: "list", prefix: "mine/" }));
    expect(fault.code).toBe("OUTPUT_UNREADABLE");
  });

  describe("conformance", () => {
    const withKeys = { ...s3, run: (call: Call) => s3.run({ ...call, secrets: secrets() }) };
    const scenario = (parameters: JsonObject, port = server.port) => ({
      with: { ...base(), port, ...parameters },
      network: testNetwork({ endpoints: endpoints(port), extraCa: server.ca }),
      root: folder,
    });
    for (const { name, run: check } of adapterCases({
      adapter: withKeys,
      artifacts: ["request", "response-head", "listing"],
      openCapture: memoryCapture,
      timeoutMs: 5000,
      good: async () => scenario({ operation: "list", prefix: "list/" }),
      silent: async () => {
        const one = await startTcp(() => undefined);
        others.push(one);
        return scenario({ operation: "list" }, one.port);
      },
    })) {
      it(name, check);
    }
  });
});
