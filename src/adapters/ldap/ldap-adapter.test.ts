import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultOfRun, memoryCapture, resultOf, runAdapter, testNetwork } from "../../../test/adapter-call.ts";
import {
  BIND_DN,
  BIND_PASSWORD,
  type DirectoryServer,
  noDirectory,
  SUFFIX,
  startDirectory,
} from "../../../test/directory-server.ts";
import { makeCertificate } from "../../../test/local-servers.ts";
import type { Call } from "../../adapter/adapter.ts";
import { adapterCases } from "../../adapter/conformance.ts";
import type { JsonObject } from "../../format/json.ts";
import { element, integer, octets, SEQUENCE } from "./ber.ts";
import { bindDn, escapeDnValue } from "./bind-values.ts";
import { encodeFilter } from "./encode-filter.ts";
import { ldap } from "./ldap-adapter.ts";

if (noDirectory !== undefined) console.log(noDirectory);
const folder = mkdtempSync(join(tmpdir(), "witnessops-ldap-"));
let server: DirectoryServer;
const MANY = 1300;

beforeAll(async () => {
  if (noDirectory !== undefined) return;
  const many = Array.from(
    { length: MANY },
    (_, n) => `dn: ou=unit-${n},ou=people,${SUFFIX}\nobjectClass: organizationalUnit\nou: unit-${n}\n`,
  );
  server = await startDirectory(join(folder, "directory"), many.join("\n"));
}, 120_000);

const hostile: Server[] = [];
afterAll(async () => {
  for (const one of hostile) one.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const secrets = (value = BIND_PASSWORD): Call["secrets"] => [
  { name: "password", value, into: { kind: "password", name: "responder" } },
];

/** Runs one operation as the responder, over TLS unless it says otherwise. */
function run(parameters: JsonObject, options: Partial<Parameters<typeof runAdapter>[1]> = {}) {
  const security = parameters.security ?? "ldaps";
  const port = Number(parameters.port ?? (security === "ldaps" ? server.tlsPort : server.port));
  return runAdapter(ldap, {
    with: { host: "127.0.0.1", port, bindDn: BIND_DN, security, ...parameters },
    endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
    extraCa: server?.authority,
    secrets: secrets(),
    artifacts: ["entries", "answer"],
    maxBytes: 4 << 20,
    timeoutMs: 5000,
    ...options,
  });
}

const search = (parameters: JsonObject = {}) => ({
  operation: "search",
  base: SUFFIX,
  filter: "(uid={user})",
  values: { user: "alice" },
  attributes: ["uid", "MAIL", "jpegPhoto"],
  ...parameters,
});

describe.skipIf(noDirectory !== undefined)("ldap, against a real directory", () => {
  it.each(["ldaps", "starttls"])(
    "searches by %s, and captures entries as canonical JSON",
    async (security) => {
      const done = await run(search({ base: `ou=people,${SUFFIX}`, security }));
      const entry = {
        dn: `uid=alice,ou=people,${SUFFIX}`,
        attributes: { uid: ["alice"], MAIL: ["alice@example.test"], jpegPhoto: [{ base64: "/9j/AAECAw==" }] },
      };
      expect(resultOf(done)).toEqual({ entries: [entry], count: 1, more: false, whole: true, referrals: [] });
      expect(JSON.parse(String(done.artifacts.get("entries")))).toEqual(entry);
      expect(JSON.parse(String(done.artifacts.get("answer")))).toMatchObject({ resultName: "success" });
    },
  );

  it("takes values for values, whatever they hold", async () => {
    for (const user of ["*", "alice)(uid=*", "*)(objectClass=*", "\\2a", "a\0", "{user}", "é*"]) {
      expect(resultOf(await run(search({ values: { user } }))), user).toMatchObject({ count: 0 });
    }
    const cn = { filter: "(&(objectClass=person)(cn={a}*{b}))", values: { a: "Bob (the *", b: "*)" } };
    expect(resultOf(await run(search(cn)))).toMatchObject({ count: 1 });
    expect(faultOfRun(await run(search({ ...cn, values: { a: "", b: "*)" } }))).code).toBe(
      "FILTER_MALFORMED",
    );
  });

  it("pages up to its bound, and says whether there was more", async () => {
    const units = { filter: "(ou=unit-*)", attributes: ["ou"], values: {} };
    const all = await run(search({ ...units, maxEntries: MANY, pageSize: 400 }));
    expect(resultOf(all)).toMatchObject({ count: MANY, more: false });
    expect(String(all.artifacts.get("entries")).trimEnd().split("\n")).toHaveLength(MANY);
    const some = await run(search({ ...units, maxEntries: 700, pageSize: 400 }));
    expect(resultOf(some)).toMatchObject({ count: 700, more: true });
  });

  it("changes an entry, all or nothing, and compares", async () => {
    const dn = "uid={user},ou=people,dc=example,dc=test";
    const at = { dn, values: { user: "bob" } };
    const modify = (changes: JsonObject[]) => run({ operation: "modify", ...at, changes });
    const compare = (attribute: string, value: string) =>
      run({ operation: "compare", ...at, attribute, value });
    const title = { op: "add", attribute: "title", values: ["first", "second"] };
    expect(resultOf(await modify([title]))).toEqual({ dn: `uid=bob,ou=people,${SUFFIX}`, modified: true });
    expect(faultOfRun(await modify([title]))).toMatchObject({
      code: "LDAP_RESULT",
      facts: { resultCode: 20, resultName: "attributeOrValueExists" },
    });
    const both = [
      { op: "delete", attribute: "title", values: ["first"] },
      { op: "delete", attribute: "fax" },
    ];
    expect(faultOfRun(await modify(both))).toMatchObject({ facts: { resultCode: expect.any(Number) } });
    expect(resultOf(await compare("title", "first"))).toMatchObject({ matches: true });
    expect(resultOf(await modify([{ op: "replace", attribute: "title", values: [{ base64: "w6k=" }] }])));
    expect(resultOf(await compare("title", "é"))).toMatchObject({ matches: true });
    expect(resultOf(await compare("title", "first"))).toMatchObject({ matches: false });
    expect(faultOfRun(await compare("fax", "1"))).toMatchObject({ code: "LDAP_RESULT" });
    resultOf(await modify([{ op: "delete", attribute: "title" }]));
    expect(server.dump()).not.toContain("title:");
  });

  it("reports referrals and follows none", async () => {
    const found = await run(search({ filter: "(uid=*)", values: {} }));
    const referrals = [expect.stringContaining("ldap://elsewhere.example.test/")];
    expect(resultOf(found)).toMatchObject({ count: 2, referrals });
    const there = await run(search({ base: `ou=elsewhere,${SUFFIX}` }));
    expect(faultOfRun(there)).toMatchObject({
      code: "LDAP_RESULT",
      facts: { resultCode: 10, resultName: "referral", referrals },
    });
    expect(there.network.dialled).toEqual([`127.0.0.1:${server.tlsPort}`]);
  });

  it("is not let in with a wrong password, and shows none", async () => {
    const fault = faultOfRun(await run(search(), { secrets: secrets("wrong-Pa55word") }));
    expect(fault).toMatchObject({ code: "LDAP_RESULT", phase: "login", facts: { resultCode: 49 } });
    expect(JSON.stringify(fault)).not.toContain("wrong-Pa55word");
  });

  it("sends a password in clear text only on loopback, when the contract says so", async () => {
    const open = search({ security: "none" });
    const refused = await run(open);
    expect(faultOfRun(refused).code).toBe("CLEARTEXT_REFUSED");
    expect(refused.network.dialled).toEqual([]);
    expect(resultOf(await run({ ...open, cleartextPassword: true }))).toMatchObject({ count: 1 });
  });

  it("never logs in with a name and no password, or the other way round", async () => {
    expect(faultOfRun(await run(search(), { secrets: [] })).code).toBe("PARAMETERS_INVALID");
    const { bindDn: _, ...nobody } = { bindDn: "", ...search() };
    const port = server.tlsPort;
    const anonymous = await runAdapter(ldap, {
      with: { host: "127.0.0.1", port, ...nobody },
      endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
      extraCa: server.authority,
      artifacts: ["entries", "answer"],
    });
    expect(resultOf(anonymous)).toMatchObject({ count: 1 });
  });

  it("speaks to no server whose certificate nobody vouches for, and to none that the guard refuses", async () => {
    const strangers = await makeCertificate("strangers.example.test");
    for (const security of ["ldaps", "starttls"]) {
      const fault = faultOfRun(await run(search({ security }), { extraCa: strangers.cert }));
      expect(fault).toMatchObject({ phase: "tls", code: expect.stringMatching(/SELF_SIGNED/) });
    }
    expect(faultOfRun(await run(search(), { endpoints: [] })).code).toBe("EGRESS_REFUSED");
  });

  describe("conformance", () => {
    const at = (port: number) => ({
      with: { host: "127.0.0.1", port, security: "none", cleartextPassword: true, ...search() },
      network: testNetwork({ endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }] }),
      root: folder,
    });
    const cases = (name: string, bind: object, secretInto?: { kind: "password"; name: string }) =>
      adapterCases({
        adapter: ldap,
        artifacts: ["entries", "answer"],
        openCapture: memoryCapture,
        timeoutMs: 5000,
        ...(secretInto === undefined ? {} : { secretInto }),
        good: async () => withMore(at(server.port), bind),
        silent: async () => withMore(at(await serverThat(() => undefined)), bind),
        endless: async () => withMore(at(await serverThat(endless)), { ...bind, maxEntries: 1_000_000 }),
      })
        .filter(({ name: what }) => what.includes("secret") === (secretInto !== undefined))
        .map((one) => ({ ...one, name: `${one.name} (${name})` }));
    for (const { name, run: check } of [
      ...cases("nobody logs in", {}),
      ...cases("a password", { bindDn: BIND_DN }, { kind: "password", name: "responder" }),
    ]) {
      it(name, check, 20_000);
    }
  });
});

function withMore<Scenario extends { with: JsonObject }>(scenario: Scenario, more: object): Scenario {
  return { ...scenario, with: { ...scenario.with, ...more } };
}

async function serverThat(act: (socket: Socket) => void): Promise<number> {
  const one = createServer((socket) => {
    socket.on("error", () => undefined);
    act(socket);
  }).listen(0, "127.0.0.1");
  hostile.push(one);
  await once(one, "listening");
  return (one.address() as AddressInfo).port;
}

const message = (id: number, ...operation: Buffer[]) => element(SEQUENCE, integer(id), ...operation);
const result = (tag: number, code: number, text = "") =>
  element(tag, integer(code, 0x0a), octets(""), octets(text));
const entry = (id: number, dn: string) => message(id, element(0x64, octets(dn), element(SEQUENCE)));

/** Entries that do not end, as fast as they are taken. */
function endless(socket: Socket): void {
  const block = Buffer.concat(Array.from({ length: 500 }, (_, n) => entry(1, `cn=${n},${SUFFIX}`)));
  const more = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on("drain", more);
  socket.once("data", more);
}

describe("ldap, against hostile servers", () => {
  const anonymous = { operation: "search", base: SUFFIX, filter: "(uid=a)", attributes: ["uid"] };
  /** Answers what the server says to the first request. */
  async function told(answer: Buffer | ((socket: Socket) => void), parameters: JsonObject = anonymous) {
    const port = await serverThat((socket) => {
      socket.once("data", () => (typeof answer === "function" ? answer(socket) : void socket.write(answer)));
    });
    return runAdapter(ldap, {
      with: { host: "127.0.0.1", port, security: "none", ...parameters },
      endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
      artifacts: ["entries", "answer"],
      secrets: parameters.bindDn === undefined ? [] : secrets(),
      timeoutMs: 800,
    });
  }

  it.each([
    ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["noise", Buffer.alloc(4096, 0xff)],
    ["a length of 4 GB", Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])],
    ["a length of 126 bytes", Buffer.alloc(200, 0xfe).fill(0x30, 0, 1)],
    ["an indefinite length", Buffer.from([0x30, 0x80, 0, 0])],
    // What makes other clients read for ever: attributes that reach beyond the message.
    [
      "a list that reaches beyond its entry",
      message(1, element(0x64, octets(""), Buffer.from([0x30, 0x84, 0x7f, 255, 255, 255]))),
    ],
    ["the answer to another message", message(7, result(0x65, 0))],
    ["the answer to another request", message(1, result(0x67, 0))],
    ["a message without an operation", message(1)],
    [
      "a result code of 4 bytes below zero",
      message(1, element(0x65, element(0x0a, Buffer.alloc(4, 0xff)), octets(""), octets(""))),
    ],
    [
      "one attribute twice",
      message(
        1,
        element(
          0x64,
          octets(""),
          element(SEQUENCE, ...["uid", "UID"].map((name) => element(SEQUENCE, octets(name), element(0x31)))),
        ),
      ),
    ],
  ])("ends at %s", async (_, bytes) => {
    expect(faultOfRun(await told(bytes)).code).toBe("RESPONSE_MALFORMED");
  });

  it("ends when the server hangs up, says so, or says nothing", async () => {
    expect(faultOfRun(await told((socket) => socket.destroy())).code).toBe("ECONNRESET");
    const notice = message(0, result(0x78, 52, "going down"));
    expect(faultOfRun(await told(notice))).toMatchObject({ code: "ECONNRESET", phase: "response" });
    expect(faultOfRun(await told(() => undefined)).code).toBe("TIMEOUT");
    expect(faultOfRun(await told(entry(1, "cn=a").subarray(0, 9))).code).toBe("TIMEOUT");
  });

  it("ends when page after page brings nothing", async () => {
    const port = await serverThat((socket) => {
      let id = 0;
      const page = octets(element(SEQUENCE, integer(0), octets("again")));
      const control = element(0xa0, element(SEQUENCE, octets("1.2.840.113556.1.4.319"), page));
      socket.on("data", () => void socket.write(message(++id, result(0x65, 0), control)));
    });
    const done = await runAdapter(ldap, {
      with: { host: "127.0.0.1", port, security: "none", ...anonymous },
      endpoints: [{ host: "127.0.0.1", port, protocol: "tcp" }],
    });
    expect(faultOfRun(done)).toMatchObject({ code: "RESPONSE_MALFORMED", message: /nothing in them/ });
  });

  it("sends no password when StartTLS is refused, answered wrongly, or answered with more than that", async () => {
    const seen: string[] = [];
    const answers = [
      [message(1, result(0x78, 52)), "STARTTLS_REFUSED"],
      [message(1, result(0x78, 2, "no TLS here")), "STARTTLS_REFUSED"],
      [message(1, result(0x61, 0)), "RESPONSE_MALFORMED"],
      [Buffer.concat([message(1, result(0x78, 0)), message(2, result(0x61, 0))]), "STARTTLS_INJECTED"],
    ] as const;
    for (const [bytes, code] of answers) {
      const done = await told(
        (socket) => {
          socket.on("data", (more: Buffer) => seen.push(more.toString("latin1")));
          socket.write(bytes);
        },
        { ...anonymous, security: "starttls", bindDn: BIND_DN },
      );
      expect(faultOfRun(done)).toMatchObject({ code, phase: "tls" });
    }
    expect(seen.join()).not.toContain(BIND_PASSWORD);
  });

  it("leaves a change in doubt whose answer makes no sense, or never comes", async () => {
    const modify = {
      operation: "modify",
      dn: "uid=a",
      changes: [{ op: "replace", attribute: "title", values: ["x"] }],
    };
    expect(faultOfRun(await told(message(1, result(0x65, 0)), modify))).toMatchObject({
      code: "RESPONSE_MALFORMED",
      phase: "response",
    });
    expect(faultOfRun(await told((socket) => socket.destroy(), modify))).toMatchObject({
      code: "ECONNRESET",
      phase: "response",
    });
  });
});

describe("texts", () => {
  it("encodes a filter as RFC 4511 says", () => {
    const encoded = encodeFilter("(&(!(a=\\2a))(|(b>=1)(c<=2)(d~=3))(e=x*y*z)(f=*)(g:dn:2.5.13.2:=v))", {});
    expect(encoded.toString("hex")).toBe(
      element(
        0xa0,
        element(0xa2, element(0xa3, octets("a"), octets("*"))),
        element(
          0xa1,
          element(0xa5, octets("b"), octets("1")),
          element(0xa6, octets("c"), octets("2")),
          element(0xa8, octets("d"), octets("3")),
        ),
        element(
          0xa4,
          octets("e"),
          element(SEQUENCE, octets("x", 0x80), octets("y", 0x81), octets("z", 0x82)),
        ),
        octets("f", 0x87),
        element(
          0xa9,
          octets("2.5.13.2", 0x81),
          octets("g", 0x82),
          octets("v", 0x83),
          element(0x84, Buffer.from([0xff])),
        ),
      ).toString("hex"),
    );
  });

  it.each([
    "",
    "uid=a",
    "(uid=a",
    "(uid=a))",
    "(&)",
    "(=a)",
    "(a b=c)",
    "(a=(b)",
    "(a=\\zz)",
    "(a=**)",
    "(a={x)",
    "(a={y})",
    "(:=v)",
    "(a=b)(c=d)",
  ])("refuses the filter %j", (text) => {
    expect(() => encodeFilter(text, {})).toThrow(expect.objectContaining({ code: "FILTER_MALFORMED" }));
  });

  it("keeps any value inside its assertion", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const bound = encodeFilter("(&(uid={v})(a=b))", { v: value });
        const plain = element(0xa0, element(0xa3, octets("uid"), octets(value)), encodeFilter("(a=b)", {}));
        expect(bound.equals(plain)).toBe(true);
      }),
    );
  });

  it("keeps any value inside its attribute of a name", () => {
    expect(escapeDnValue(' #a,b+c"d\\e<f>g;h=i\0 ')).toBe(
      "\\20#a\\2cb\\2bc\\22d\\5ce\\3cf\\3eg\\3bh\\3di\\00\\20",
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (value) => {
        const dn = bindDn("uid={v},ou=people", { v: value });
        expect(dn.replaceAll(/\\[0-9a-f]{2}/g, "x").split(/[,+]/)).toHaveLength(2);
      }),
    );
    for (const [template, v] of [
      ["{v},ou=a", "uid=b"],
      ["uid=a{v}", "b"],
      ["uid={v}b", "a"],
      ["uid={v}", ""],
    ] as const)
      expect(() => bindDn(template, { v })).toThrow(expect.objectContaining({ code: "DN_MALFORMED" }));
  });
});
