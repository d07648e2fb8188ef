import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { generate } from "selfsigned";
import { type DnsResponder, startDns } from "./start-dns.ts";

/** The services on loopback that stand in for the target and for the public sources asked about it. */
export interface DemoTarget {
  readonly host: string;
  readonly httpsPort: number;
  /** Another open port, which greets like a mail server. */
  readonly mailPort: number;
  /** A port where nothing listens. */
  readonly closedPort: number;
  readonly rdapBase: string;
  readonly resolver: string;
  /** PEM of the authority that signed the target's certificate. */
  readonly certificateAuthority: string;
  /** Connections that the HTTPS service has accepted. */
  readonly connections: () => number;
  close(): Promise<void>;
}

const HOST = "www.northwind.example";
const RDAP_HOST = "rdap.northwind.example";
const LOOPBACK = [{ address: "127.0.0.1" }];

/** Starts a real TLS and HTTP service, a TCP greeter and a real DNS responder. */
export async function startTarget(): Promise<DemoTarget> {
  const { private: key, cert } = await generate([{ name: "commonName", value: HOST }], {
    keySize: 2048,
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - 86_400_000),
    notAfterDate: new Date(Date.now() + 90 * 86_400_000),
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [HOST, RDAP_HOST].map((value) => ({ type: 2 as const, value })) },
    ],
  });
  let connections = 0;
  const https = createHttps({ key, cert, minVersion: "TLSv1.2" }, (request, response) => {
    const page = pages[request.url ?? "/"];
    if (page === undefined) {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found\n");
      return;
    }
    response.writeHead(200, { ...page.headers, "content-type": page.type }).end(page.body);
  });
  https.on("connection", () => {
    connections += 1;
  });
  https.on("tlsClientError", () => undefined);
  const greeter = createTcp((socket) => {
    socket.on("error", () => undefined);
    socket.end("220 mail.northwind.example ESMTP ready\r\n");
  });
  const closed = createTcp();
  const [httpsPort, mailPort, closedPort] = [
    await listen(https),
    await listen(greeter),
    await listen(closed),
  ];
  await end(closed);
  const dns: DnsResponder = await startDns(zone);
  return {
    host: HOST,
    httpsPort,
    mailPort,
    closedPort,
    rdapBase: `https://${RDAP_HOST}:${httpsPort}/rdap/`,
    resolver: dns.resolver,
    certificateAuthority: cert,
    connections: () => connections,
    async close() {
      https.closeAllConnections();
      await Promise.all([end(https), end(greeter), dns.close()]);
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

interface Page {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

const pages: Readonly<Record<string, Page>> = {
  "/": {
    type: "text/html; charset=utf-8",
    headers: {
      server: "nginx/1.18.0",
      "strict-transport-security": "max-age=31536000",
      "x-content-type-options": "nosniff",
    },
    body: "<!doctype html><title>Northwind</title><h1>Northwind Traders</h1>\n",
  },
  "/.well-known/security.txt": {
    type: "text/plain; charset=utf-8",
    body: "Contact: mailto:security@northwind.example\nExpires: 2027-06-30T00:00:00Z\n",
  },
  "/rdap/domain/invoice.example": {
    type: "application/rdap+json",
    body: JSON.stringify({
      objectClassName: "domain",
      handle: "INV-2291",
      ldhName: "invoice.example",
      status: ["client transfer prohibited"],
      events: [
        { eventAction: "registration", eventDate: "2026-11-09T18:20:11Z" },
        { eventAction: "expiration", eventDate: "2027-11-09T18:20:11Z" },
      ],
      nameservers: [{ objectClassName: "nameserver", ldhName: "ns1.bulk-post.test" }],
      entities: [
        {
          objectClassName: "entity",
          roles: ["registrar"],
          vcardArray: [
            "vcard",
            [
              ["version", {}, "text", "4.0"],
              ["fn", {}, "text", "Budget Names Ltd"],
            ],
          ],
        },
      ],
      secureDNS: { delegationSigned: false },
    }),
  },
};

const zone = {
  [HOST]: {
    A: LOOPBACK,
    MX: [{ priority: 10, exchange: "mail.northwind.example" }],
    NS: [{ ns: "ns1.northwind.example" }],
    TXT: [{ data: "v=spf1 include:_spf.northwind.example -all" }],
    CAA: [{ flags: 0, tag: "issue", value: "ca.example" }],
  },
  [`_dmarc.${HOST}`]: { TXT: [{ data: "v=DMARC1; p=quarantine; rua=mailto:dmarc@northwind.example" }] },
  [RDAP_HOST]: { A: LOOPBACK },
  "invoice.example": {
    A: [{ address: "203.0.113.44" }],
    NS: [{ ns: "ns1.bulk-post.test" }],
    TXT: [{ data: "v=spf1 ip4:203.0.113.0/24 ~all" }],
  },
  "_dmarc.invoice.example": { TXT: [{ data: "v=DMARC1; p=reject" }] },
  "support.invoice.example": { A: [{ address: "203.0.113.45" }] },
  "login.pay-invoice.test": { A: [{ address: "198.51.100.90" }] },
  "track.bulk-post.test": { A: [{ address: "198.51.100.73" }] },
};
