import type { JsonObject } from "../src/format/json.ts";
import type { CatalogSample } from "./catalog-sample.ts";
import { serverSamples } from "./catalog-samples-servers.ts";
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
const directory = {
  host: "ldap.shop.example",
  bindAs: "cn=responder,dc=shop,dc=example",
  base: "ou=people,dc=shop,dc=example",
  user: "bob",
};
const bob = "uid=bob,ou=people,dc=shop,dc=example";
const bobSubjects = ["host:ldap.shop.example", "account:ou=people,dc=shop,dc=example/bob"];
const group = { groupBase: "ou=groups,dc=shop,dc=example", group: "admins" };
const groupSubject = "directory-group:ou=groups,dc=shop,dc=example/admins";
const adminsDn = "cn=admins,ou=groups,dc=shop,dc=example";
const found = (dn: string, attributes: JsonObject) => ({
  entries: [{ dn, attributes }],
  count: 1,
  more: false,
  whole: true,
  referrals: [],
});

const sqlInputs = { host: "db.shop.example", user: "watch" };
const sqlResult = (...rows: JsonObject[]): JsonObject => ({ rows, count: rows.length, more: false });
const mariadbAccount = {
  locked: 0,
  plugin: "mysql_native_password",
  super: 0,
  grantOption: 0,
  file: 0,
  passwordExpired: 0,
  isRole: 0,
};
const sqlDatabase = {
  owner: "postgres",
  template: false,
  allowsConnections: true,
  connectionLimit: -1,
  publicConnect: false,
  publicTemporary: false,
};
const sqlRole = {
  superuser: false,
  login: true,
  createRole: false,
  createDatabase: false,
  replication: false,
  bypassRowSecurity: false,
  connectionLimit: -1,
  validUntil: null,
};
const sqlSetting = { source: "default", pendingRestart: false, version: "15.14" };

const mcpEntity = { name: "till-1", entityType: "host", observations: ["seen at 08:00"] };

const scannedFiles = [
  { path: "rules", sha256: "sha256:00" },
  { path: "file", sha256: "sha256:01" },
];

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
  "mail.notify": [
    {
      inputs: {
        host: "mail.shop.example",
        user: "soc",
        from: "soc@shop.example",
        to: ["ana@Partner.example", "ben@shop.example"],
        subject: "Account disabled",
        text: "bob",
      },
      result: {
        reply: 250,
        lines: ["2.0.0 Ok: queued as 42"],
        recipients: ["ana@Partner.example", "ben@shop.example"],
        messageId: "<3f9ab2c41d07e865@shop.example>",
      },
      outputs: { reply: 250, messageId: "<3f9ab2c41d07e865@shop.example>" },
      subjects: ["host:mail.shop.example", "email-domain:shop.example", "email-domain:Partner.example"],
    },
  ],
  "ldap.user": [
    {
      inputs: { ...directory, user: "bob@shop.example" },
      result: found(bob, { uid: ["bob"], cn: ["Bob"] }),
      outputs: { people: [{ dn: bob, uid: ["bob"], names: ["Bob"], mail: [] }], more: false, referrals: [] },
      subjects: ["host:ldap.shop.example", "account:ou=people,dc=shop,dc=example/bob@shop.example"],
    },
  ],
  "ldap.group-members": [
    {
      inputs: { host: directory.host, bindAs: directory.bindAs, ...group },
      result: found(adminsDn, { member: [bob] }),
      outputs: { members: [bob], count: 1 },
      subjects: ["host:ldap.shop.example", groupSubject],
    },
    {
      inputs: { host: directory.host, bindAs: directory.bindAs, ...group, security: "starttls", port: 389 },
      result: found(adminsDn, {}),
      outputs: { members: [], count: 0 },
      subjects: ["host:ldap.shop.example", groupSubject],
    },
  ],
  "ldap.is-member": [
    {
      inputs: { ...directory, ...group },
      result: { dn: adminsDn, attribute: "member", matches: true },
      outputs: { isMember: true },
      subjects: [...bobSubjects, groupSubject],
    },
  ],
  "ldap.user-state": [
    {
      inputs: directory,
      result: found(bob, { uid: ["bob"], pwdAccountLockedTime: ["000001010000Z"] }),
      outputs: { dn: bob, disabled: true, lockedAt: "000001010000Z" },
      subjects: bobSubjects,
    },
    {
      inputs: directory,
      result: found(bob, { uid: ["bob"], pwdAccountLockedTime: ["20261127063000Z"] }),
      outputs: { disabled: false, lockedAt: "20261127063000Z" },
      subjects: bobSubjects,
    },
    {
      inputs: directory,
      result: found(bob, { uid: ["bob"] }),
      outputs: { disabled: false, lockedAt: null },
      subjects: bobSubjects,
    },
  ],
  "ldap.disable-user": [
    {
      inputs: directory,
      result: { dn: bob, modified: true },
      outputs: { dn: bob },
      subjects: bobSubjects,
    },
  ],
  "ldap.enable-user": [
    {
      inputs: directory,
      result: { dn: bob, modified: true },
      outputs: { dn: bob },
      subjects: bobSubjects,
    },
  ],
  "ldap.remove-from-group": [
    {
      inputs: { ...directory, ...group },
      result: { dn: adminsDn, modified: true },
      outputs: { dn: adminsDn },
      subjects: [...bobSubjects, groupSubject],
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
  "postgresql.databases": [
    {
      inputs: sqlInputs,
      result: sqlResult(
        { ...sqlDatabase, name: "postgres", publicConnect: true },
        { ...sqlDatabase, name: "shop" },
        { ...sqlDatabase, name: "template0", template: true, allowsConnections: false, publicConnect: true },
      ),
      outputs: { openToAll: ["postgres"], count: 3, more: false },
      subjects: ["host:db.shop.example"],
    },
  ],
  "postgresql.grants": [
    {
      inputs: { ...sqlInputs, role: "till" },
      result: sqlResult({
        schema: "public",
        table: "orders",
        privilege: "SELECT",
        grantable: false,
        grantor: "shop",
        number: 1,
      }),
      outputs: { tables: 1, count: 1 },
      subjects: ["host:db.shop.example", "account:till"],
    },
    {
      inputs: { ...sqlInputs, role: "nobody" },
      result: sqlResult(),
      outputs: { grants: [], tables: 0, count: 0 },
      subjects: ["host:db.shop.example", "account:nobody"],
    },
  ],
  "postgresql.hba-rules": [
    {
      inputs: { ...sqlInputs, port: 5433, tls: "disable" },
      result: sqlResult(
        {
          line: 3,
          type: "host",
          databases: ["all"],
          roles: ["all"],
          address: "all",
          netmask: null,
          method: "trust",
          mistake: null,
        },
        {
          line: 4,
          type: null,
          databases: null,
          roles: null,
          address: null,
          netmask: null,
          method: null,
          mistake: 'invalid connection type "hots"',
        },
      ),
      outputs: { withoutPassword: [3], mistakes: 1 },
      subjects: ["host:db.shop.example"],
    },
  ],
  "postgresql.roles": [
    {
      inputs: sqlInputs,
      result: sqlResult({ ...sqlRole, name: "postgres", superuser: true }, { ...sqlRole, name: "till" }),
      outputs: { superusers: ["postgres"], count: 2, more: false },
      subjects: ["host:db.shop.example"],
    },
    {
      inputs: { ...sqlInputs, role: "nobody" },
      result: sqlResult(),
      outputs: { roles: [], superusers: [], count: 0 },
      subjects: ["host:db.shop.example"],
    },
  ],
  "postgresql.sessions": [
    {
      inputs: { ...sqlInputs, pid: 4711 },
      result: sqlResult({
        pid: 4711,
        role: "till",
        database: "shop",
        application: null,
        address: null,
        state: null,
        startedAt: null,
        encrypted: null,
      }),
      outputs: { count: 1, more: false },
      subjects: ["host:db.shop.example"],
    },
  ],
  "postgresql.settings": [
    {
      inputs: sqlInputs,
      result: sqlResult(
        { ...sqlSetting, name: "password_encryption", value: "md5" },
        { ...sqlSetting, name: "ssl", value: "off", pendingRestart: true },
      ),
      outputs: { version: "15.14", ssl: false, passwordEncryption: "md5", pendingRestart: ["ssl"] },
      subjects: ["host:db.shop.example"],
    },
    {
      inputs: sqlInputs,
      result: sqlResult({ ...sqlSetting, name: "port", value: "5432" }),
      outputs: { ssl: null, passwordEncryption: null },
      subjects: ["host:db.shop.example"],
    },
  ],
  "postgresql.terminate-session": [
    {
      inputs: { ...sqlInputs, pid: 4711, role: "till", startedAt: "2026-11-16T08:00:00.123456Z" },
      result: sqlResult({ pid: 4711, ended: true }),
      outputs: { found: true, ended: true },
      subjects: ["host:db.shop.example", "account:till"],
    },
    {
      inputs: { ...sqlInputs, pid: 4712, role: "till", startedAt: "2026-11-16T08:00:00.123456Z" },
      result: sqlResult(),
      outputs: { found: false, ended: false },
      subjects: ["host:db.shop.example", "account:till"],
    },
  ],
  "memory.create-entities": [
    {
      inputs: {
        file: "/var/lib/memory/case-7.jsonl",
        entities: [mcpEntity, { ...mcpEntity, name: "till-2" }],
      },
      result: { content: [], structured: { entities: [mcpEntity] } },
      outputs: { created: [mcpEntity], skipped: ["till-2"] },
      subjects: ["graph:/var/lib/memory/case-7.jsonl"],
    },
  ],
  "memory.open-nodes": [
    {
      inputs: { file: "/var/lib/memory/case-7.jsonl", names: ["till-1", "till-2"] },
      result: { content: [], structured: { entities: [mcpEntity], relations: [] } },
      outputs: { missing: ["till-2"] },
      subjects: ["graph:/var/lib/memory/case-7.jsonl"],
    },
  ],
  "memory.read-graph": [
    {
      inputs: { file: "/var/lib/memory/case-7.jsonl" },
      result: {
        content: [],
        structured: {
          entities: [mcpEntity],
          relations: [{ from: "till-1", to: "shop", relationType: "stands in" }],
        },
      },
      outputs: { entities: [mcpEntity] },
      subjects: ["graph:/var/lib/memory/case-7.jsonl"],
    },
  ],
  "memory.search-nodes": [
    {
      inputs: { file: "/var/lib/memory/case-7.jsonl", query: "nothing" },
      result: { content: [], structured: { entities: [], relations: [] } },
      outputs: { entities: [], relations: [] },
      subjects: ["graph:/var/lib/memory/case-7.jsonl"],
    },
  ],
  "filesystem.get-file-info": [
    {
      inputs: { folder: "/srv/logs", path: "old" },
      result: {
        content: [],
        structured: {
          content:
            "size: 4096\nmodified: Mon Nov 16 2026 08:00:00 GMT+0000\nisDirectory: true\nisFile: false\npermissions: 755",
        },
      },
      outputs: { size: 4096, isDirectory: true, isFile: false, permissions: "755" },
      subjects: ["path:/srv/logs/old"],
    },
  ],
  "filesystem.list-directory": [
    {
      inputs: { folder: "/srv/logs", path: "old" },
      result: { content: [], structured: { content: "" } },
      outputs: { files: [], folders: [] },
      subjects: ["path:/srv/logs/old"],
    },
  ],
  "filesystem.read-text-file": [
    {
      inputs: { folder: "/srv/logs", path: "old/till.log" },
      result: { content: [], structured: { content: "08:00 open\n" } },
      outputs: { text: "08:00 open\n" },
      subjects: ["path:/srv/logs/old/till.log"],
    },
  ],
  "filesystem.search-files": [
    {
      inputs: { folder: "/srv/logs", pattern: "*.txt" },
      result: { content: [], structured: { content: "No matches found" } },
      outputs: { paths: [], count: 0 },
      subjects: ["path:/srv/logs"],
    },
  ],
  "gnupg.verify-signature": [
    {
      inputs: { path: "a.tar", signature: "a.tar.sig", keyring: "keys.gpg" },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "[GNUPG:] NEWSIG release@shop.example",
            "[GNUPG:] KEYEXPIRED 1795764194",
            "[GNUPG:] EXPKEYSIG 988DA95F993FF162 Old <old@shop.example>",
            "[GNUPG:] VALIDSIG E4C7F5D2C25E7ED0E8AAB2E2988DA95F993FF162 2026-11-27 1795764192 0 4 0 22 8 00 1A52C31A296E6E0F712A5A813AC3785F41F2006E",
          ],
        },
      },
      outputs: {
        state: "expired",
        fingerprint: "1A52C31A296E6E0F712A5A813AC3785F41F2006E",
        signedAt: "2026-11-27T07:23:12.000Z",
        signatures: 1,
        signers: [],
      },
      subjects: ["file:a.tar", "file:a.tar.sig", "file:keys.gpg"],
    },
    ...(
      [
        ["bad", 1, ["NEWSIG", "BADSIG 3AC3785F41F2006E Release <release@shop.example>"]],
        [
          "unknown-key",
          2,
          ["NEWSIG", "ERRSIG 3AC3785F41F2006E 22 8 00 1795764192 9 -", "NO_PUBKEY 3AC3785F41F2006E"],
        ],
        ["unreadable", 2, ["NODATA 1", "NODATA 2"]],
        [
          "unreadable",
          2,
          ["NEWSIG", "GOODSIG 3AC3785F41F2006E Release", "NEWSIG", "ERRSIG 3AC3785F41F2006E 22 99"],
        ],
      ] as const
    ).map(([state, exitCode, said]) => ({
      inputs: { path: "a.tar", signature: "a.tar.sig", keyring: "keys.gpg" },
      result: { exitCode, stdout: { size: 100, lines: said.map((line) => `[GNUPG:] ${line}`) } },
      outputs: { state, fingerprint: null, signedAt: null },
      subjects: ["file:a.tar", "file:a.tar.sig", "file:keys.gpg"],
    })),
  ],
  "openssl.certificate": [
    {
      inputs: { path: "shop.pem" },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "subject=CN=shop.example,O=Shop\\, Inc",
            "issuer=CN=ca.example",
            "serial=5ED5B25C",
            "notBefore=2026-11-27 07:23:15Z",
            "notAfter=2026-11-30 07:23:15Z",
            "sha256 Fingerprint=4D:8D",
            "X509v3 Basic Constraints: critical",
            "    CA:FALSE",
          ],
        },
      },
      outputs: {
        subject: "CN=shop.example,O=Shop\\, Inc",
        notAfter: "2026-11-30 07:23:15Z",
        fingerprint: "sha256:4d8d",
        selfIssued: false,
        names: null,
        authority: false,
      },
      subjects: ["file:shop.pem"],
    },
  ],
  "openssl.verify-certificate": [
    {
      inputs: { path: "shop.pem", roots: "roots.pem", intermediates: "between.pem" },
      result: { exitCode: 0, stdout: { size: 20, lines: ["shop.pem: OK"] }, stderr: { size: 0, text: "" } },
      outputs: { trusted: true, reason: null },
      subjects: ["file:shop.pem", "file:roots.pem", "file:between.pem"],
    },
    {
      inputs: { path: "shop.pem", roots: "roots.pem" },
      result: {
        exitCode: 2,
        stdout: { size: 0, lines: [] },
        stderr: {
          size: 80,
          text: "CN = x\nerror 18 at 0 depth lookup: self-signed certificate\nerror x: failed\n",
        },
      },
      outputs: { trusted: false, reason: "18 at 0 depth lookup: self-signed certificate" },
      subjects: ["file:shop.pem", "file:roots.pem"],
    },
  ],
  "ssh-keygen.fingerprints": [
    {
      inputs: { path: "authorized_keys" },
      result: {
        exitCode: 0,
        stdout: {
          size: 160,
          lines: [`256 ${sshFingerprint} till 1 (old) (ED25519)`, `2048 ${sshFingerprint} no comment (RSA)`],
        },
      },
      outputs: {
        keys: [
          { bits: 256, fingerprint: sshFingerprint, comment: "till 1 (old)", type: "ED25519" },
          { bits: 2048, fingerprint: sshFingerprint, comment: "no comment", type: "RSA" },
        ],
        count: 2,
      },
      subjects: ["file:authorized_keys"],
    },
  ],
  "file.type": [
    {
      inputs: { path: "tools/till" },
      result: {
        exitCode: 0,
        stdout: { size: 50, lines: ["application/x-pie-executable; charset=binary"] },
      },
      outputs: { mediaType: "application/x-pie-executable", charset: "binary" },
      subjects: ["file:tools/till"],
    },
  ],
  "wireshark.capture-info": [
    {
      inputs: { path: "till.pcapng" },
      result: {
        exitCode: 0,
        stdout: { size: 50, lines: ["/w/till.pcapng\tpcapng\tether\t0\t0\tn/a\tn/a\tTrue"] },
      },
      outputs: { format: "pcapng", packets: 0, bytes: 0, firstAt: null, lastAt: null, ordered: true },
      subjects: ["file:till.pcapng"],
    },
  ],
  "wireshark.read-packets": [
    {
      inputs: { path: "till.pcapng", packets: 1 },
      result: { exitCode: 0, stdout: { size: 50, lines: ["1\t1795000000.000000000\t\t\t\t\t\t\tARP\t60"] } },
      outputs: {
        packets: [
          { number: 1, at: "1795000000.000000000", from: "", to: "", port: "", protocol: "ARP", length: 60 },
        ],
      },
      subjects: ["file:till.pcapng"],
    },
  ],
  "wireshark.dns-queries": [
    {
      inputs: { path: "till.pcapng" },
      result: {
        exitCode: 0,
        stdout: { size: 50, lines: ["1795000000.000000000\t\t2001:db8::1\tshop.example\t28"] },
      },
      outputs: {
        queries: [{ at: "1795000000.000000000", from: "2001:db8::1", name: "shop.example", type: 28 }],
        count: 1,
      },
      subjects: ["file:till.pcapng"],
    },
  ],
  ...serverSamples,
  "sslscan.endpoint": [
    {
      inputs: { host: "shop.example" },
      result: {
        exitCode: 0,
        stdout: {
          size: 900,
          lines: [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<document title="SSLScan Results" version="2.0.7" web="http://github.com/rbsec/sslscan">',
            ' <ssltest host="shop.example" sniname="shop.example" port="443">',
            '  <protocol type="ssl" version="3" enabled="0" />',
            '  <protocol type="tls" version="1.2" enabled="1" />',
            '  <renegotiation supported="1" secure="1" />',
            '  <heartbleed sslversion="TLSv1.2" vulnerable="1" />',
            '  <cipher status="preferred" sslversion="TLSv1.2" bits="256" cipher="ECDHE-RSA-AES256-GCM-SHA384" id="0xC030" strength="strong" curve="25519" ecdhebits="253" />',
            '  <cipher status="accepted" sslversion="TLSv1.2" bits="112" cipher="DES-CBC3-SHA" id="0x000A" strength="medium" />',
            " <certificates>",
            '  <certificate type="short">',
            "   <subject><![CDATA[shop.example]]></subject>",
            "   <self-signed>false</self-signed>",
            "   <not-valid-after>Nov 30 07:18:32 2026 GMT</not-valid-after>",
            "   <expired>false</expired>",
            "  </certificate>",
          ],
        },
      },
      outputs: {
        endpoint: "shop.example:443",
        protocols: ["TLS 1.2"],
        weak: ["DES-CBC3-SHA"],
        heartbleed: ["TLSv1.2"],
        secureRenegotiation: true,
        certificate: {
          subject: "shop.example",
          selfSigned: false,
          expired: false,
          notAfter: "Nov 30 07:18:32 2026 GMT",
        },
      },
      subjects: ["host:shop.example"],
    },
    {
      inputs: { host: "2001:db8::10", port: 8443 },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            ' <ssltest host="2001:db8::10" sniname="2001:db8::10" port="8443">',
            '  <protocol type="tls" version="1.2" enabled="0" />',
            '  <renegotiation supported="0" secure="0" />',
            " <certificates>",
            " </certificates>",
          ],
        },
      },
      outputs: { endpoint: "2001:db8::10:8443", protocols: [], cipherSuites: [], certificate: null },
      subjects: ["host:2001:db8::10"],
    },
  ],
  "sshaudit.endpoint": [
    {
      inputs: { host: "shop.example" },
      result: {
        exitCode: 2,
        stdout: {
          size: 900,
          json: {
            banner: {
              raw: "SSH-2.0-OpenSSH_9.2p1",
              software: "OpenSSH_9.2p1",
              comments: null,
              protocol: [2, 0],
            },
            enc: ["aes256-ctr"],
            mac: ["hmac-sha2-256"],
            kex: [{ algorithm: "diffie-hellman-group-exchange-sha256", keysize: 2048 }],
            key: [{ algorithm: "ssh-ed25519" }],
            fingerprints: [
              { hash: "mRpX", hash_alg: "SHA256", hostkey: "ssh-ed25519" },
              { hash: "ee:e0", hash_alg: "MD5", hostkey: "ssh-ed25519" },
            ],
          },
        },
      },
      outputs: {
        software: "OpenSSH_9.2p1",
        keyExchanges: ["diffie-hellman-group-exchange-sha256"],
        fingerprints: [{ type: "ssh-ed25519", fingerprint: "SHA256:mRpX" }],
        worst: "warning",
      },
      subjects: ["host:shop.example"],
    },
  ],
  "yara.scan-file": [
    {
      inputs: { rules: "rules/web.yar", path: "samples/upload.php" },
      result: {
        exitCode: 0,
        stdout: {
          size: 60,
          lines: ["Shell [php,web] /w/samples/upload.php", "Eval [] /w/samples/upload.php"],
        },
        files: scannedFiles,
      },
      outputs: {
        matched: true,
        matches: [
          { rule: "Shell", tags: ["php", "web"] },
          { rule: "Eval", tags: [] },
        ],
        rulesSha256: "sha256:00",
        fileSha256: "sha256:01",
      },
      subjects: ["file:rules/web.yar", "file:samples/upload.php"],
    },
    {
      inputs: { rules: "rules/web.yar", path: "samples/upload.php" },
      result: { exitCode: 0, stdout: { size: 0, lines: [] }, files: scannedFiles },
      outputs: { matched: false, matches: [] },
      subjects: ["file:rules/web.yar", "file:samples/upload.php"],
    },
  ],
  "yara.scan-folder": [
    {
      inputs: { rules: "rules/web.yar", path: "samples" },
      result: {
        exitCode: 0,
        stdout: { size: 30, lines: ["Shell samples/an upload.php"] },
        files: scannedFiles,
      },
      outputs: { matched: true, matches: [{ rule: "Shell", path: "samples/an upload.php" }] },
      subjects: ["file:rules/web.yar", "folder:samples"],
    },
  ],
  "clamav.scan-file": [
    {
      inputs: { database: "signatures/own.ndb", path: "samples/upload.php" },
      result: {
        exitCode: 1,
        stdout: {
          size: 300,
          lines: [
            "/w/samples/upload.php: Own.Shell.UNOFFICIAL FOUND",
            "",
            "----------- SCAN SUMMARY -----------",
            "Known viruses: 3",
            "Scanned files: 1",
            "Infected files: 1",
          ],
        },
        files: scannedFiles,
      },
      outputs: { infected: true, scanned: true, signatures: ["Own.Shell.UNOFFICIAL"], knownSignatures: 3 },
      subjects: ["file:signatures/own.ndb", "file:samples/upload.php"],
    },
    {
      inputs: { database: "signatures/own.ndb", path: "samples/empty" },
      result: {
        exitCode: 0,
        stdout: {
          size: 300,
          lines: [
            "/w/samples/empty: Empty file",
            "Known viruses: 3",
            "Scanned files: 0",
            "Infected files: 0",
          ],
        },
        files: scannedFiles,
      },
      outputs: { infected: false, scanned: false, signatures: [] },
      subjects: ["file:signatures/own.ndb", "file:samples/empty"],
    },
  ],
  "clamav.scan-folder": [
    {
      inputs: { database: "signatures/own.ndb", path: "samples" },
      result: {
        exitCode: 1,
        stdout: {
          size: 300,
          lines: [
            "samples/plain.txt: OK",
            "samples/a: b: Own.Shell.UNOFFICIAL FOUND",
            "Known viruses: 3",
            "Scanned files: 2",
            "Infected files: 1",
          ],
        },
        files: scannedFiles,
      },
      outputs: {
        infected: true,
        scannedFiles: 2,
        infectedFiles: 1,
        found: [{ path: "samples/a: b", signature: "Own.Shell.UNOFFICIAL" }],
        databaseSha256: "sha256:00",
      },
      subjects: ["file:signatures/own.ndb", "folder:samples"],
    },
  ],
  "exiftool.metadata": [
    {
      inputs: { path: "samples/invoice.pdf" },
      result: {
        exitCode: 0,
        stdout: {
          size: 400,
          json: [
            {
              SourceFile: "/w/samples/invoice.pdf",
              "ExifTool:ExifToolVersion": 12.57,
              "ExifTool:Warning": "Invalid xref table",
              "File:FileType": "PDF",
              "File:MIMEType": "application/pdf",
              "PDF:Producer": 7.1,
              "PDF:Author": "Ana",
              "PDF:CreateDate": "2026:01:02 03:04:05Z",
            },
          ],
        },
        files: [{ path: "samples/invoice.pdf", sha256: "sha256:00" }],
      },
      outputs: {
        fileType: "PDF",
        software: [7.1],
        authors: ["Ana"],
        dates: [{ tag: "PDF:CreateDate", value: "2026:01:02 03:04:05Z" }],
        hasPlace: false,
        warning: "Invalid xref table",
        sha256: "sha256:00",
      },
      subjects: ["file:samples/invoice.pdf"],
    },
  ],
  ...samplesOf(github),
  ...samplesOf(ghec),
  ...samplesOf(okta),
  ...samplesOf(kubernetes),
  "mariadb.accounts": [
    {
      inputs: { host: "db.shop.example", user: "watch" },
      result: sqlResult(
        { ...mariadbAccount, name: "root", host: "localhost", super: 1, plugin: "unix_socket" },
        { ...mariadbAccount, name: "till", host: "%", locked: 1 },
      ),
      outputs: {
        accounts: [
          { name: "root", super: true, locked: false },
          { name: "till", locked: true },
        ],
        administrators: ["root@localhost"],
        count: 2,
      },
      subjects: ["host:db.shop.example"],
    },
  ],
  "mariadb.settings": [
    {
      inputs: { host: "db.shop.example", user: "watch" },
      result: sqlResult({
        version: "10.11.6-MariaDB",
        tls: 1,
        tlsRequired: 1,
        tlsVersions: "TLSv1.2,TLSv1.3",
        loadLocalFiles: 0,
        fileFolder: null,
        namesResolved: "1",
        binaryLog: 0,
        generalLog: 0,
      }),
      outputs: { tls: true, tlsRequired: true, loadLocalFiles: false, fileFolder: null, namesResolved: true },
      subjects: ["host:db.shop.example"],
    },
  ],
};
