import type { CatalogSample } from "./catalog-sample.ts";
import { alertmanager } from "./live/described-alertmanager.ts";
import { crowdsec } from "./live/described-crowdsec.ts";
import { ghec, github } from "./live/described-github.ts";
import { kubernetes } from "./live/described-kubernetes.ts";
import { okta } from "./live/described-okta.ts";
import { samplesOf } from "./live/described-system.ts";

const posture = {
  A: ["192.0.2.10"],
  NS: ["ns1.shop.example"],
  MX: [{ preference: 10, exchange: "mx.shop.example" }],
};

const sshFingerprint = "SHA256:E6hK7VzR4aoSspse0QAn4yq+Iy2D5RF+v4mFzaW0Qr0";
const sshInputs = { host: "shop.example", user: "watch", hostKeys: [sshFingerprint] };
const sshResult = { exitCode: 0, session: { hostKey: { type: "ssh-ed25519", fingerprint: sshFingerprint } } };

const gitInputs = { host: "git.shop.example", path: "/shop.git", hostKeys: [sshFingerprint] };
const s3Inputs = {
  host: "s3.shop.example",
  region: "eu-central-1",
  bucket: "evidence",
  key: "case-7/note.json",
};
const s3Result = {
  size: 17,
  sha256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
  versionId: "v1",
  etag: '"e"',
};

/** By contract id. */
export const samples: Readonly<Record<string, readonly CatalogSample[]>> = {
  "dns.records": [
    {
      inputs: { name: "shop.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { A: "NOERROR", AAAA: "NXDOMAIN" },
        records: [],
        answers: posture,
      },
      outputs: { exists: true, addresses: ["192.0.2.10"], mailServers: ["mx.shop.example"], aliases: [] },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { name: "nowhere.example", types: ["A"] },
      result: { resolver: "192.0.2.53:53", status: { A: "NXDOMAIN" }, records: [], answers: {} },
      outputs: { exists: false, addresses: [] },
      subjects: ["host:nowhere.example"],
    },
  ],
  "notify.webhook": [
    {
      inputs: {
        url: "https://hooks.shop.example/in",
        text: "ports waits for an approval",
        run: "3f9ab2c41d07e865",
      },
      result: { status: 204, url: "https://hooks.shop.example/in", headers: {}, body: { size: 0 } },
      outputs: { status: 204 },
      subjects: ["url:https://hooks.shop.example/in"],
    },
  ],
  "notify.slack": [
    {
      inputs: { text: "ports waits for an approval" },
      result: {
        status: 200,
        url: "https://hooks.slack.com/services/{hook}",
        headers: {},
        body: { size: 2, text: "ok" },
      },
      outputs: { status: 200 },
      subjects: ["host:hooks.slack.com"],
    },
  ],
  "dns.control": [
    {
      inputs: { domain: "shop.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { TXT: "NOERROR" },
        records: [],
        answers: { TXT: ["witnessops-0123456789abcdef", "other"] },
      },
      outputs: { values: ["witnessops-0123456789abcdef", "other"] },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { domain: "shop.example" },
      result: { resolver: "192.0.2.53:53", status: { TXT: "NXDOMAIN" }, records: [], answers: {} },
      outputs: { values: [] },
      subjects: ["host:shop.example"],
    },
  ],
  "http.control": [
    {
      inputs: { domain: "shop.example" },
      result: {
        status: 200,
        url: "https://shop.example:443/.well-known/witnessops-challenge.txt",
        headers: {},
        body: { size: 40, text: "\r\nwitnessops-0123456789abcdef \n" },
      },
      outputs: { values: ["witnessops-0123456789abcdef"] },
      subjects: ["host:shop.example"],
    },
  ],
  "dns.query": [
    {
      inputs: { name: "shop.example", server: "2001:db8::53" },
      result: { resolver: "[2001:db8::53]:53", status: { A: "NOERROR" }, records: [], answers: {} },
      outputs: { exists: true, resolver: "[2001:db8::53]:53" },
      subjects: ["host:shop.example", "address:2001:db8::53"],
    },
  ],
  "dns.posture": [
    {
      inputs: { domain: "shop.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { A: "NOERROR", TXT: "NOERROR" },
        records: [],
        answers: {
          ...posture,
          TXT: ["site-verification=1", "v=spf1 mx include:_spf.mail.example -all"],
          CAA: [{ flags: 0, tag: "issue", value: "ca.example" }],
        },
      },
      outputs: {
        spf: ["v=spf1 mx include:_spf.mail.example -all"],
        spfAll: "-all",
        nameServers: ["ns1.shop.example"],
        caa: [{ flags: 0, tag: "issue", value: "ca.example" }],
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { domain: "bare.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { A: "NOERROR" },
        records: [],
        answers: { TXT: ["v=spf10 all"] },
      },
      outputs: { spf: [], spfAll: null, addresses: [] },
      subjects: ["host:bare.example"],
    },
  ],
  "dns.dmarc": [
    {
      inputs: { domain: "shop.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { TXT: "NOERROR" },
        records: [],
        answers: { TXT: ["v=DMARC1; sp=none; p=Reject; rua=mailto:d@shop.example"] },
      },
      outputs: { name: "_dmarc.shop.example", published: true, policy: "reject" },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { domain: "bare.example" },
      result: { resolver: "192.0.2.53:53", status: { TXT: "NXDOMAIN" }, records: [], answers: {} },
      outputs: { published: false, policy: null, records: [] },
      subjects: ["host:bare.example"],
    },
    {
      inputs: { domain: "twice.example" },
      result: {
        resolver: "192.0.2.53:53",
        status: { TXT: "NOERROR" },
        records: [],
        answers: { TXT: ["v=DMARC1; p=none", "v=DMARC1;p=reject"] },
      },
      outputs: { published: false, policy: null },
      subjects: ["host:twice.example"],
    },
  ],
  "http.headers": [
    {
      inputs: { host: "shop.example" },
      result: {
        status: 301,
        statusText: "Moved Permanently",
        url: "https://shop.example/",
        headers: { location: "/start", server: "shop/2", "x-frame-options": "DENY" },
        redirects: [],
        address: "192.0.2.10",
        tls: { protocol: "TLSv1.3", trusted: true, reason: null },
        body: { size: 0 },
      },
      outputs: {
        redirectsTo: "/start",
        frameOptions: "DENY",
        certificateTrusted: true,
        contentSecurityPolicy: null,
        missing: [
          "strict-transport-security",
          "content-security-policy",
          "x-content-type-options",
          "referrer-policy",
          "permissions-policy",
        ],
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "2001:db8::10", scheme: "http", port: 8080, path: "/a?b=c" },
      result: {
        status: 404,
        statusText: "Not Found",
        url: "http://[2001:db8::10]:8080/a?b=c",
        headers: {},
        redirects: [],
        address: "2001:db8::10",
        tls: null,
        body: { size: 0 },
      },
      outputs: { status: 404, certificateTrusted: null, server: null },
      subjects: ["host:2001:db8::10"],
    },
  ],
  "http.security-txt": [
    {
      inputs: { host: "shop.example" },
      result: {
        status: 200,
        url: "https://shop.example/.well-known/security.txt",
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: {
          size: 90,
          text: "# Thank you\r\nContact: mailto:security@shop.example\r\ncontact: https://shop.example/report\r\nExpires: 2027-01-01T00:00:00Z\r\n",
        },
      },
      outputs: {
        found: true,
        contacts: ["mailto:security@shop.example", "https://shop.example/report"],
        expires: ["2027-01-01T00:00:00Z"],
        signed: false,
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "shop.example" },
      result: {
        status: 200,
        url: "https://shop.example/",
        headers: { "content-type": "text/html" },
        body: { size: 30, text: "<p>Contact: us</p>\nContact: us\n" },
      },
      outputs: { found: false },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "shop.example" },
      result: {
        status: 404,
        url: "https://shop.example/.well-known/security.txt",
        headers: {},
        body: { size: 0 },
      },
      outputs: { found: false, contacts: [] },
      subjects: ["host:shop.example"],
    },
  ],
  "rdap.domain": [
    {
      inputs: { domain: "shop.example", baseUrl: "https://rdap.registry.example/v1" },
      result: {
        status: 200,
        url: "https://rdap.registry.example/v1/domain/shop.example",
        headers: {},
        tls: { trusted: true },
        body: {
          size: 900,
          json: {
            objectClassName: "domain",
            handle: "D1-EXAMPLE",
            ldhName: "SHOP.EXAMPLE",
            status: ["active"],
            events: [
              { eventAction: "registration", eventDate: "2026-11-14T09:00:00Z" },
              { eventAction: "expiration", eventDate: "2027-11-14T09:00:00Z" },
            ],
            entities: [
              { objectClassName: "entity", roles: ["abuse"] },
              {
                objectClassName: "entity",
                roles: ["registrar"],
                vcardArray: [
                  "vcard",
                  [
                    ["version", {}, "text", "4.0"],
                    ["fn", {}, "text", "Registrar of Examples"],
                  ],
                ],
              },
            ],
            nameservers: [{ objectClassName: "nameserver", ldhName: "NS1.SHOP.EXAMPLE" }],
            secureDNS: { delegationSigned: false },
          },
        },
      },
      outputs: {
        registered: true,
        registrar: "Registrar of Examples",
        registeredAt: "2026-11-14T09:00:00Z",
        changedAt: null,
        nameServers: ["ns1.shop.example"],
        delegationSigned: false,
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { domain: "free.example" },
      result: {
        status: 404,
        url: "https://rdap.org/domain/free.example",
        headers: {},
        tls: { trusted: true },
        body: { size: 0 },
      },
      outputs: { registered: false, registrar: null, status: [] },
      subjects: ["host:free.example"],
    },
  ],
  "tls.inspect": [
    {
      inputs: { host: "shop.example" },
      result: {
        address: "192.0.2.10",
        port: 443,
        protocol: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        alpn: null,
        trusted: false,
        reason: "self-signed certificate",
        subject: "CN=shop.example",
        issuer: "CN=shop.example",
        subjectAltNames: ["DNS:shop.example"],
        notBefore: "2026-01-01T00:00:00.000Z",
        notAfter: "2027-01-01T00:00:00.000Z",
        serialNumber: "01",
        fingerprint: "sha256:00",
        keyType: "ed25519",
        keyBits: null,
        chain: { length: 1, digest: "sha256:01" },
      },
      outputs: {
        trusted: false,
        reason: "self-signed certificate",
        keyBits: null,
        chainLength: 1,
        chainDigest: "sha256:01",
      },
      subjects: ["host:shop.example"],
    },
  ],
  "tls.protocol-versions": [
    {
      inputs: { host: "shop.example" },
      result: {
        exitCode: 0,
        stdout: {
          size: 200,
          json: {
            versions: [
              { version: "TLS 1.0", outcome: "refused", reason: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" },
              { version: "TLS 1.1", outcome: "unclear", reason: "ECONNRESET" },
              { version: "TLS 1.3", outcome: "accepted", cipher: "TLS_AES_256_GCM_SHA384" },
            ],
          },
        },
      },
      outputs: { accepted: ["TLS 1.3"], refused: ["TLS 1.0"], unclear: ["TLS 1.1"] },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "shop.example", port: 8443, address: "192.0.2.10" },
      result: { exitCode: 0, stdout: { size: 20, json: { versions: [] } } },
      outputs: { accepted: [] },
      subjects: ["host:shop.example", "address:192.0.2.10"],
    },
  ],
  "tcp.probe": [
    {
      inputs: { host: "192.0.2.10", ports: [22, 80, 8080] },
      result: {
        address: "192.0.2.10",
        ports: [
          { port: 22, state: "open", banner: "SSH-2.0-OpenSSH" },
          { port: 80, state: "closed" },
          { port: 8080, state: "filtered" },
        ],
      },
      outputs: {
        open: [22],
        closed: [80],
        filtered: [8080],
        banners: [{ port: 22, banner: "SSH-2.0-OpenSSH" }],
      },
      subjects: ["host:192.0.2.10"],
    },
  ],
  "nmap.scan": [
    {
      inputs: { host: "shop.example", ports: [22, 80, 443] },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "# Nmap 7.95 scan initiated Mon Nov 16 08:00:00 2026 as: nmap -sT --unprivileged",
            "# Ports scanned: TCP(3;22,80,443) UDP(0;) SCTP(0;) PROTOCOLS(0;)",
            "Host: 192.0.2.10 (shop.example)\tStatus: Up",
            "Host: 192.0.2.10 (shop.example)\tPorts: 22/filtered/tcp//ssh///, 80/closed/tcp//http///, 443/open/tcp//https///",
            "# Nmap done at Mon Nov 16 08:00:01 2026 -- 1 IP address (1 host up) scanned in 1.00 seconds",
          ],
        },
      },
      outputs: { hostLine: "Host: 192.0.2.10 (shop.example)", open: [443], closed: [80], filtered: [22] },
      subjects: ["host:shop.example"],
    },
  ],
  "openssl.s-client": [
    {
      inputs: { host: "shop.example" },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "-----BEGIN CERTIFICATE-----",
            "-----END CERTIFICATE-----",
            "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384",
            "Verify return code: 18 (self-signed certificate)",
            "    Verify return code: 18 (self-signed certificate)",
          ],
        },
      },
      outputs: {
        protocol: "TLSv1.3",
        verifyCode: 18,
        verifyText: "18 (self-signed certificate)",
        certificates: 1,
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "192.0.2.10", port: 8443 },
      result: { exitCode: 0, stdout: { size: 0, lines: [] } },
      outputs: { protocol: null, verifyCode: null, verifyText: null, certificates: 0 },
      subjects: ["host:192.0.2.10"],
    },
  ],
  "git.repository-state": [
    {
      inputs: { path: "repositories/shop" },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "# branch.oid 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
            "# branch.head main",
            "# branch.upstream origin/main",
            "# branch.ab +0 -0",
            "1 .M N... 100644 100644 100644 abc abc README.md",
            "? notes.txt",
          ],
        },
      },
      outputs: {
        commit: "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        branch: "main",
        upstream: "origin/main",
        dirty: true,
        changed: 1,
        untracked: 1,
      },
      subjects: ["repository:repositories/shop"],
    },
    {
      inputs: { path: "repositories/new" },
      result: {
        exitCode: 0,
        stdout: { size: 40, lines: ["# branch.oid (initial)", "# branch.head (detached)"] },
      },
      outputs: { commit: null, branch: null, upstream: null, dirty: false, untracked: 0 },
      subjects: ["repository:repositories/new"],
    },
  ],
  "ssh.host-facts": [
    {
      inputs: sshInputs,
      result: {
        ...sshResult,
        stdout: {
          size: 90,
          lines: [
            "Linux 6.1.0-31-amd64 x86_64",
            "shop1",
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
            "ID=debian",
          ],
        },
      },
      outputs: {
        kernel: "Linux 6.1.0-31-amd64 x86_64",
        nodeName: "shop1",
        distribution: "Debian GNU/Linux 12 (bookworm)",
        hostKey: sshFingerprint,
      },
      subjects: ["host:shop.example"],
    },
  ],
  "ssh.listening-sockets": [
    {
      inputs: sshInputs,
      result: {
        ...sshResult,
        stdout: {
          size: 160,
          lines: ["LISTEN 0      128    0.0.0.0:22 0.0.0.0:*", "LISTEN 0      4096   [::1]:5432 [::]:*"],
        },
      },
      outputs: { sockets: ["0.0.0.0:22", "[::1]:5432"] },
      subjects: ["host:shop.example"],
    },
  ],
  "ssh.authorized-keys": [
    {
      inputs: { ...sshInputs, account: "deploy", sudo: true },
      result: {
        ...sshResult,
        stdout: { size: 80, lines: ["# keys", "", 'restrict,command="/bin/true" ssh-ed25519 AAAA ci'] },
      },
      outputs: { keys: ['restrict,command="/bin/true" ssh-ed25519 AAAA ci'] },
      subjects: ["host:shop.example", "account:deploy"],
    },
  ],
  "ssh.account-state": [
    {
      inputs: { ...sshInputs, account: "mallory" },
      result: {
        ...sshResult,
        stdout: {
          size: 200,
          lines: ["mallory L 2026-05-20 0 99999 7 -1", "Account expires\t\t\t\t\t\t: 1970-01-02"],
        },
      },
      outputs: { status: "L", locked: true, expires: "1970-01-02" },
      subjects: ["host:shop.example", "account:mallory"],
    },
  ],
  "ssh.disable-account": [
    {
      inputs: { ...sshInputs, account: "mallory", sudo: true },
      result: { ...sshResult, stdout: { size: 0, lines: [] } },
      outputs: { account: "mallory", hostKey: sshFingerprint },
      subjects: ["host:shop.example", "account:mallory"],
    },
  ],
  "git.refs": [
    {
      inputs: gitInputs,
      result: {
        head: "refs/heads/main",
        refs: [{ name: "refs/heads/main", object: "3b18e512dba79e4c8300dd08aeb37f8e728b8dad" }],
        count: 1,
        whole: true,
      },
      outputs: { head: "refs/heads/main", count: 1, whole: true },
      subjects: ["host:git.shop.example", "repository:git.shop.example/shop.git"],
    },
  ],
  "git.commit-signature": [
    {
      inputs: {
        ...gitInputs,
        commit: "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        allowedSigners: ["dev@shop.example ssh-ed25519 AAAA"],
      },
      result: {
        tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        parents: [],
        author: "Dev <dev@shop.example> 1764000000 +0000",
        committer: "Dev <dev@shop.example> 1764000000 +0000",
        signature: { format: "ssh", state: "good", principal: "dev@shop.example", key: sshFingerprint },
      },
      outputs: { state: "good", principal: "dev@shop.example", key: sshFingerprint },
      subjects: ["host:git.shop.example", "repository:git.shop.example/shop.git"],
    },
  ],
  "s3.object-head": [
    {
      inputs: s3Inputs,
      result: { ...s3Result, found: true, lastModified: "Mon, 16 Nov 2026 08:00:00 GMT" },
      outputs: { found: true, size: 17, versionId: "v1" },
      subjects: ["bucket:evidence", "host:s3.shop.example"],
    },
    {
      inputs: { ...s3Inputs, addressing: "virtual", versionId: "v0" },
      result: { found: false, size: null, sha256: null, versionId: null, etag: null, lastModified: null },
      outputs: { found: false },
      subjects: ["bucket:evidence", "host:s3.shop.example"],
    },
  ],
  "s3.get-object": [
    {
      inputs: s3Inputs,
      result: { ...s3Result, verified: true, mediaType: "application/json" },
      outputs: { size: 17, verified: true, mediaType: "application/json" },
      subjects: ["bucket:evidence", "host:s3.shop.example"],
    },
  ],
  "s3.list": [
    {
      inputs: { host: "s3.shop.example", region: "eu-central-1", bucket: "evidence", prefix: "case-7/" },
      result: {
        objects: [
          { key: "case-7/note.json", size: 17, etag: '"e"', lastModified: "2026-11-16T08:00:00.000Z" },
        ],
        count: 1,
        more: false,
      },
      outputs: { count: 1, more: false },
      subjects: ["bucket:evidence", "host:s3.shop.example"],
    },
  ],
  "s3.put-evidence": [
    {
      inputs: { ...s3Inputs, text: "a", sha256: s3Result.sha256 },
      result: { ...s3Result, verified: true },
      outputs: { sha256: s3Result.sha256, verified: true },
      subjects: ["bucket:evidence", "host:s3.shop.example"],
    },
  ],
  "mail.triage": [
    {
      inputs: { path: "messages/suspicious-invoice.eml" },
      result: {
        path: "messages/suspicious-invoice.eml",
        size: 3200,
        sha256: "00",
        email: {
          from: { name: "Invoice Department", address: "billing@invoice.example", domain: "invoice.example" },
          replyTo: {
            name: "Invoice Department",
            address: "settlement@pay-invoice.test",
            domain: "pay-invoice.test",
          },
          to: [{ name: "", address: "accounts@northwind.example", domain: "northwind.example" }],
          subject: "Overdue: invoice",
          messageId: "<1@relay9.bulk-post.test>",
          received: ["from relay9.bulk-post.test"],
          authenticationResults: [
            {
              server: "mx1.northwind.example",
              methods: [
                { method: "spf", result: "fail", properties: {} },
                { method: "dkim", result: "none", properties: {} },
                { method: "arc", result: "pass", properties: {} },
              ],
            },
          ],
          links: [
            {
              url: "https://login.pay-invoice.test/session",
              host: "login.pay-invoice.test",
              text: "https://invoice.example/pay",
            },
            { url: "https://invoice.example/help", host: "invoice.example", text: "Help" },
            { url: "https://track.bulk-post.test/o.gif", host: "track.bulk-post.test" },
          ],
          linkHosts: ["login.pay-invoice.test", "invoice.example", "track.bulk-post.test"],
          attachments: [{ name: "a.pdf", mediaType: "application/pdf", size: 470, sha256: "01" }],
        },
      },
      outputs: {
        fromDomain: "invoice.example",
        replyTo: "settlement@pay-invoice.test",
        date: null,
        failedMethods: ["spf=fail", "dkim=none"],
        mismatchedLinks: [
          {
            url: "https://login.pay-invoice.test/session",
            host: "login.pay-invoice.test",
            text: "https://invoice.example/pay",
          },
        ],
      },
      subjects: ["file:messages/suspicious-invoice.eml"],
    },
    {
      inputs: { path: "messages/bare.EML" },
      result: {
        path: "messages/bare.EML",
        size: 10,
        sha256: "00",
        email: {
          from: null,
          to: [],
          received: [],
          authenticationResults: [],
          links: [],
          linkHosts: [],
          attachments: [],
        },
      },
      outputs: { from: null, fromDomain: "", replyTo: null, failedMethods: [], mismatchedLinks: [] },
      subjects: ["file:messages/bare.EML"],
    },
  ],
  ...samplesOf(github),
  ...samplesOf(ghec),
  ...samplesOf(okta),
  ...samplesOf(kubernetes),
  ...samplesOf(alertmanager),
  ...samplesOf(crowdsec),
};
