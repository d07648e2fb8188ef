import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultOfRun, memoryCapture, resultOf, runAdapter, testNetwork } from "../../../test/adapter-call.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { JsonObject } from "../../format/json.ts";
import { readAuthenticationResults } from "./authentication-results.ts";
import { extractLinks } from "./extract-links.ts";
import { file } from "./file-adapter.ts";
import { parseEmail } from "./parse-email.ts";

const sample = join(import.meta.dirname, "../../../examples/messages/suspicious-invoice.eml");
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "witnessops-test-"));
  mkdirSync(join(root, "in"));
  writeFileSync(join(root, "in/message.eml"), readFileSync(sample));
  writeFileSync(join(root, "in/data.json"), '{"a":[1,2]}');
  writeFileSync(join(root, "in/bytes"), Buffer.from([0xff, 0x00, 0xfe]));
  writeFileSync(join(root, "in/large"), Buffer.alloc(300_000, "x"));
  symlinkSync("/etc/passwd", join(root, "in/link"));
  symlinkSync("/etc", join(root, "in/folder"));
  symlinkSync(join(root, "in"), join(root, "inside"));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function read(path: string, parse?: string) {
  const asked = { path, ...(parse === undefined ? {} : { parse }) };
  return runAdapter(file, { with: asked, root, artifacts: ["file"] });
}

const sha256 = (bytes: Uint8Array | string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe("file", () => {
  it("reads, hashes and captures the same bytes", async () => {
    const run = await read("in/bytes");
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    expect(resultOf(run)).toEqual({ path: "in/bytes", size: 3, sha256: sha256(bytes) });
    expect(run.artifacts.get("file")).toEqual(bytes);
    expect(run.network.dialled).toEqual([]);
  });

  it("parses text and JSON", async () => {
    expect(resultOf(await read("in/data.json", "json"))).toMatchObject({ json: { a: [1, 2] } });
    expect(resultOf(await read("inside/data.json", "text"))).toMatchObject({ text: '{"a":[1,2]}' });
  });

  it.each([
    ["in/bytes", "text", "CONTENT_MALFORMED", "parse"],
    ["in/bytes", "json", "CONTENT_MALFORMED", "parse"],
    ["in/bytes", "email", "MESSAGE_MALFORMED", "parse"],
    ["in/data.json", "email", "MESSAGE_MALFORMED", "parse"],
    ["in/large", "text", "SIZE_EXCEEDED", "read"],
    ["in/missing", "none", "NOT_FOUND", "read"],
    ["in/data.json/x", "none", "NOT_FOUND", "read"],
    ["in", "none", "NOT_A_FILE", "read"],
    ["in/link", "none", "PATH_REFUSED", "read"],
    ["in/folder/passwd", "none", "PATH_REFUSED", "read"],
    ["../etc/passwd", "none", "PATH_REFUSED", "read"],
    ["in/../in/data.json", "none", "PATH_REFUSED", "read"],
    ["/etc/passwd", "none", "PATH_REFUSED", "read"],
    ["in/a\0b", "none", "PATH_REFUSED", "read"],
  ])("takes %j as %s for the fault %s", async (path, parse, code, phase) => {
    expect(faultOfRun(await read(path, parse))).toMatchObject({ code, phase });
  });

  it.skipIf(process.platform === "win32")("does not wait for a named pipe", async () => {
    execFileSync("mkfifo", [join(root, "in/pipe")]);
    expect(faultOfRun(await read("in/pipe"))).toMatchObject({ code: "NOT_A_FILE", phase: "read" });
  });

  it("triages a message", async () => {
    const { email } = resultOf(await read("in/message.eml", "email")) as { email: JsonObject };
    expect(email).toMatchObject({
      from: { address: "billing@invoice.example", domain: "invoice.example" },
      replyTo: { domain: "pay-invoice.test" },
      returnPath: "bounce-7731@mailer.bulk-post.test",
      linkHosts: ["invoice.example", "login.pay-invoice.test", "support.invoice.example"],
      authenticationResults: [{ server: "mx1.northwind.example" }],
    });
    expect(email.received).toHaveLength(3);
    expect(email.attachments).toMatchObject([
      { name: "RE-2026-1187.pdf", mediaType: "application/pdf", size: 470 },
    ]);
    expect(email.links).toContainEqual({
      url: "https://login.pay-invoice.test/session?ref=RE-2026-1187",
      host: "login.pay-invoice.test",
      text: "https://invoice.example/pay/RE-2026-1187",
    });
  });

  for (const { name, run } of adapterCases({
    adapter: file,
    artifacts: ["file"],
    openCapture: memoryCapture,
    good: async () => ({ with: { path: "in/message.eml", parse: "email" }, network: testNetwork({}), root }),
    endless: async () => ({ with: { path: "in/large" }, network: testNetwork({}), root }),
  })) {
    it(name, run);
  }
});

describe("parseEmail", () => {
  it("reads domains in ASCII and flattens groups", async () => {
    const text =
      "From: =?utf-8?q?M=C3=BCller?= <info@M\u00dcller.example>\r\nTo: Team: a@x.example, b@y.example;\r\n\r\nhi";
    const email = await parseEmail(Buffer.from(text));
    expect(email?.from).toMatchObject({ name: "M\u00fcller", domain: "xn--mller-kva.example" });
    expect(email?.to).toMatchObject([{ domain: "x.example" }, { domain: "y.example" }]);
  });

  it("refuses nesting without end", async () => {
    const depth = 100;
    let body = "Content-Type: text/plain\r\n\r\nx";
    for (let i = 0; i < depth; i++) {
      body = `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n${body}\r\n--b${i}--\r\n`;
    }
    expect(await parseEmail(Buffer.from(`From: a@b.example\r\n${body}`))).toBeUndefined();
  });

  it("gives a value with a canonical form, or none, for any bytes", async () => {
    const header = fc.constantFrom(
      "From: a@b\r\n",
      "Subject: =?utf-8?b?/w==?=\r\n",
      "Received: x\r\n",
      "Date: never\r\n",
    );
    const body = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.array(header), body, async (headers, bytes) => {
        const email = await parseEmail(Buffer.concat([Buffer.from(`${headers.join("")}\r\n`), bytes]));
        canonicalJson(email ?? null);
      }),
      { numRuns: 100 },
    );
  });
});

describe("readAuthenticationResults", () => {
  it.each([
    ["example.com; none", { server: "example.com", methods: [] }],
    [
      'example.com 1; spf=pass (the "good" (nested) one) smtp.mailfrom=a.example; DKIM = Fail reason="bad; sig" header.d=b.example',
      {
        server: "example.com",
        methods: [
          { method: "spf", result: "pass", properties: { "smtp.mailfrom": "a.example" } },
          { method: "dkim", result: "fail", properties: { reason: "bad; sig", "header.d": "b.example" } },
        ],
      },
    ],
    [
      '"quoted host"; iprev/1=permerror',
      { server: "quoted host", methods: [{ method: "iprev", result: "permerror", properties: {} }] },
    ],
    ["x; spf=pass __proto__=1", { server: "x", methods: [{ method: "spf", result: "pass" }] }],
  ])("reads %s", (value, expected) => {
    expect(readAuthenticationResults(value)).toMatchObject([expected]);
  });

  it("gives something with a canonical form for any text", () => {
    const text = fc.string({ unit: fc.constantFrom("a", ";", "=", '"', "(", ")", "\\", " ", ".") });
    fc.assert(fc.property(text, (value) => void canonicalJson(readAuthenticationResults(value))));
  });
});

describe("extractLinks", () => {
  it.each([
    ['<a href="https://a.example/x">b</a>', [{ url: "https://a.example/x", host: "a.example", text: "b" }]],
    ["<A HREF='https://a.example'>https://a.example</A>", [{ url: "https://a.example/", host: "a.example" }]],
    [
      "<a class=x href=https://a.example/y><b>c</b> &amp; d</a>",
      [{ url: "https://a.example/y", host: "a.example", text: "c & d" }],
    ],
    [
      '<a href="&#104;ttps://a.example/?a=1&amp;b=2">x',
      [{ url: "https://a.example/?a=1&b=2", host: "a.example", text: "x" }],
    ],
    [
      '<a href="ht\ntps://b\u00fccher.example/">x</a>',
      [{ url: "https://xn--bcher-kva.example/", host: "xn--bcher-kva.example", text: "x" }],
    ],
    [
      '<a href="https://shop.example@evil.example/">x</a>',
      [{ url: "https://shop.example@evil.example/", host: "evil.example", text: "x" }],
    ],
    [
      '<a title="a > b" href="https://a.example/">x</a>',
      [{ url: "https://a.example/", host: "a.example", text: "x" }],
    ],
    ['<form action="https://a.example/post"></form>', [{ url: "https://a.example/post", host: "a.example" }]],
    ['<a href="http://2130706433/">x</a>', [{ url: "http://127.0.0.1/", host: "127.0.0.1", text: "x" }]],
    [
      '<a href="javascript:alert(1)">x</a><a href="mailto:a@b.example">y</a><a>z</a><abbr href="https://no.example">',
      [],
    ],
  ])("reads %s", (html, expected) => {
    expect(extractLinks(html, undefined)).toEqual(expected);
  });

  it("reads URLs of the text part, without punctuation", () => {
    expect(extractLinks(undefined, "see https://a.example/x. (http://b.example/y) ftp://c.example")).toEqual([
      { url: "https://a.example/x", host: "a.example" },
      { url: "http://b.example/y", host: "b.example" },
    ]);
  });

  it("stays fast and bounded on hostile HTML", () => {
    const started = performance.now();
    const hostile = [
      '<a "'.repeat(500_000),
      "<a href=".repeat(250_000),
      `<a href="https://a.example/">${"<a ".repeat(600_000)}`,
    ];
    for (const html of hostile) extractLinks(html, html);
    const many = Array.from({ length: 5000 }, (_, i) => `<a href="https://h${i}.example">x</a>`).join("");
    expect(extractLinks(many, undefined)).toHaveLength(1000);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
