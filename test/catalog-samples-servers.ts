import type { CatalogSample } from "./catalog-sample.ts";

const json = (value: CatalogSample["result"][string], status = 200) => ({ status, body: { json: value } });
const target = (health: string, port: number) => ({
  scrapePool: "shop",
  scrapeUrl: `http://shop.example:${port}/metrics`,
  lastError: health === "up" ? "" : "connection refused",
  lastScrape: "2026-11-27T07:13:10.9Z",
  health,
});
const labels = { alertname: "TargetDown", instance: "shop.example:1" };
const decision = {
  id: 1,
  type: "ban",
  origin: "witnessops",
  scenario: "case 7: manual",
  scope: "Ip",
  value: "192.0.2.7",
  duration: "3h46m48s",
};
const host = "watch.example";
const subjects = ["host:watch.example"];
const zone = "rpz.shop.example";
const zoneSubjects = ["host:watch.example", "host:rpz.shop.example"];
const missing = { ...json("Not Found", 404) };

/** Of contracts of servers with an HTTP interface, by contract id. The results are shortened answers of real servers. */
export const serverSamples: Readonly<Record<string, readonly CatalogSample[]>> = {
  "prometheus.query": [
    {
      inputs: { host, query: "up" },
      result: json({
        status: "success",
        data: { resultType: "vector", result: [{ metric: labels, value: [1795763591.212, "0"] }] },
      }),
      outputs: { resultType: "vector", count: 1, samples: [{ labels, at: 1795763591.212, value: "0" }] },
      subjects,
    },
    {
      inputs: { host, query: "1", time: "2026-11-27T07:00:00Z" },
      result: json({ status: "success", data: { resultType: "scalar", result: [1795763487.038, "1"] } }),
      outputs: { resultType: "scalar", count: 1, samples: [{ labels: {}, value: "1" }] },
      subjects,
    },
  ],
  "prometheus.alerts": [
    {
      inputs: { host },
      result: json({
        data: {
          alerts: [{ labels, state: "firing", activeAt: "2026-11-27T07:11:27.9Z", value: "0e+00" }],
        },
      }),
      outputs: { firing: 1, alerts: [{ name: "TargetDown", state: "firing", labels }] },
      subjects,
    },
  ],
  "prometheus.targets": [
    {
      inputs: { host, scrapePool: "shop" },
      result: json({
        data: { activeTargets: [target("up", 9100), target("down", 9200), { scrapePool: "other" }] },
      }),
      outputs: { count: 2, down: ["http://shop.example:9200/metrics"] },
      subjects,
    },
  ],
  "alertmanager.alerts": [
    {
      inputs: { host, alertname: "TargetDown" },
      result: json([
        {
          fingerprint: "1ce5c8aa87a2dedd",
          startsAt: "2026-11-27T07:11:27.980Z",
          endsAt: "2026-11-27T07:16:28.980Z",
          status: { inhibitedBy: [], silencedBy: ["c8ce9a9e"], state: "suppressed" },
          labels,
        },
      ]),
      outputs: { count: 1, unsilenced: 0, alerts: [{ silencedBy: ["c8ce9a9e"], labels }] },
      subjects,
    },
    { inputs: { host }, result: json([]), outputs: { count: 0, unsilenced: 0, alerts: [] }, subjects },
  ],
  "alertmanager.silences": [
    {
      inputs: { host },
      result: json([
        {
          id: "c8ce9a9e",
          status: { state: "active" },
          createdBy: "olga",
          comment: "case 7",
          startsAt: "2026-11-27T07:11:27.130Z",
          endsAt: "2026-11-28T07:00:00.000Z",
          matchers: [
            { name: "alertname", value: "TargetDown", isRegex: false, isEqual: true },
            { name: "job", value: "a.*", isRegex: true, isEqual: false },
          ],
        },
      ]),
      outputs: { count: 1, active: 1, silences: [{ matchers: ["alertname=TargetDown", "job!~a.*"] }] },
      subjects,
    },
  ],
  "alertmanager.silence": [
    {
      inputs: {
        host,
        alertname: "TargetDown",
        instance: "shop.example:1",
        startsAt: "2026-11-27T07:00:00Z",
        endsAt: "2026-11-27T09:00:00Z",
        createdBy: "olga",
        comment: "case 7: rebuilt",
      },
      result: json({ silenceID: "c8ce9a9e" }),
      outputs: { silenceId: "c8ce9a9e" },
      subjects: ["host:watch.example", "alert:TargetDown"],
    },
  ],
  "powerdns.zone": [
    {
      inputs: { host, zone },
      result: json({ kind: "Native", serial: 2026112702, dnssec: false, masters: [] }),
      outputs: { found: true, kind: "Native", serial: 2026112702, dnssec: false },
      subjects: zoneSubjects,
    },
    {
      inputs: { host, zone },
      result: missing,
      outputs: { found: false, serial: null },
      subjects: zoneSubjects,
    },
  ],
  "powerdns.record-set": [
    {
      inputs: { host, zone, name: "evil.example", type: "CNAME" },
      result: json({
        rrsets: [
          {
            name: "evil.example.rpz.shop.example.",
            type: "CNAME",
            ttl: 60,
            records: [{ content: ".", disabled: false }],
          },
        ],
      }),
      outputs: { zoneFound: true, found: true, ttl: 60, contents: ["."] },
      subjects: zoneSubjects,
    },
    {
      inputs: { host, zone, name: "evil.example" },
      result: json({ rrsets: [] }),
      outputs: { zoneFound: true, found: false, ttl: null, contents: [] },
      subjects: zoneSubjects,
    },
    {
      inputs: { host, zone, name: "evil.example" },
      result: missing,
      outputs: { zoneFound: false, found: false, ttl: null, contents: [] },
      subjects: zoneSubjects,
    },
  ],
  "powerdns.block-name": [
    {
      inputs: { host, zone, name: "evil.example" },
      result: { status: 204, body: { size: 0, text: "" } },
      outputs: { status: 204 },
      subjects: [...zoneSubjects, "host:evil.example"],
    },
  ],
  "powerdns.statistics": [
    {
      inputs: { host },
      result: json(
        ["uptime", "udp-queries", "tcp-queries", "servfail-packets", "timedout-packets", "qsize-q"].map(
          (name, index) => ({ name, type: "StatisticItem", value: String(index) }),
        ),
      ),
      outputs: {
        uptime: 0,
        udpQueries: 1,
        tcpQueries: 2,
        servfailAnswers: 3,
        timedOutPackets: 4,
        queueSize: 5,
      },
      subjects,
    },
  ],
  "crowdsec.decisions": [
    {
      inputs: { host, address: "192.0.2.7" },
      result: json([decision]),
      outputs: { blocked: true, decisions: [decision] },
      subjects: ["host:watch.example", "address:192.0.2.7"],
    },
    {
      inputs: { host, address: "2001:db8::7" },
      result: json(null),
      outputs: { blocked: false, decisions: [] },
      subjects: ["host:watch.example", "address:2001:db8::7"],
    },
  ],
  "crowdsec.alerts": [
    {
      inputs: { host },
      result: json([
        {
          id: 1,
          created_at: "2026-11-27T07:13:11Z",
          scenario: "witnessops/block-address",
          source: { scope: "Ip", value: "192.0.2.7" },
          message: "case 7: manual",
          machine_id: "watch",
          decisions: [decision],
        },
      ]),
      outputs: { count: 1, alerts: [{ source: "192.0.2.7", machine: "watch", decisions: 1 }] },
      subjects,
    },
    { inputs: { host }, result: json(null), outputs: { count: 0, alerts: [] }, subjects },
  ],
  "crowdsec.block-address": [
    {
      inputs: { host, address: "192.0.2.7", from: "2026-11-27T07:00:00Z", reason: "case 7: manual" },
      result: json(["1"], 201),
      outputs: { alertId: "1" },
      subjects: ["host:watch.example", "address:192.0.2.7"],
    },
  ],
  "rspamd.check-message": [
    {
      inputs: { host, message: "From: a@b.test\r\n\r\nhello" },
      result: json({
        is_skipped: false,
        score: 1,
        required_score: 15,
        action: "no action",
        symbols: { MISSING_DATE: { name: "MISSING_DATE", score: 1, metric_score: 1 } },
        "message-id": "undef",
      }),
      outputs: { action: "no action", score: 1, symbols: [{ name: "MISSING_DATE", score: 1 }] },
      subjects,
    },
  ],
  "rspamd.statistics": [
    {
      inputs: { host },
      result: json({
        version: "3.4",
        uptime: 88,
        scanned: 2,
        learned: 0,
        spam_count: 2,
        ham_count: 0,
        actions: { reject: 2, "no action": 0 },
      }),
      outputs: { scanned: 2, spam: 2, actions: { reject: 2 } },
      subjects,
    },
  ],
  "bind.zones": [
    {
      inputs: { host },
      result: json({
        version: "9.18.49",
        "config-time": "2026-11-27T07:11:27.310Z",
        views: {
          _default: {
            zones: [{ name: "shop.test", type: "primary", serial: 7, loaded: "2026-11-27T07:11:27Z" }],
          },
        },
      }),
      outputs: { viewFound: true, zones: [{ name: "shop.test", serial: 7 }] },
      subjects,
    },
    {
      inputs: { host, view: "inside" },
      result: json({ version: "9.18.49", "config-time": "2026-11-27T07:11:27.310Z", views: {} }),
      outputs: { viewFound: false, zones: [] },
      subjects,
    },
  ],
  "bind.statistics": [
    {
      inputs: { host },
      result: json({
        version: "9.18.49",
        "boot-time": "2026-11-27T07:11:27.294Z",
        opcodes: { QUERY: 3 },
        rcodes: { NOERROR: 3 },
      }),
      outputs: { queries: 3, responseCodes: { NOERROR: 3 }, nameServer: {} },
      subjects,
    },
  ],
  "etcd.members": [
    {
      inputs: { host },
      result: json({
        header: { cluster_id: "12101053776118486841" },
        members: [
          { ID: "1", name: "a", peerURLs: ["http://192.0.2.1:2380"], clientURLs: ["https://192.0.2.1:2379"] },
          { ID: "2", peerURLs: ["https://192.0.2.2:2380"] },
        ],
      }),
      outputs: { count: 2, plaintextPeers: ["http://192.0.2.1:2380"] },
      subjects,
    },
  ],
  "etcd.health": [
    {
      inputs: { host },
      result: json({ health: "true" }),
      outputs: { healthy: true, status: 200 },
      subjects,
    },
    { inputs: { host }, result: json({ health: "false" }, 503), outputs: { healthy: false }, subjects },
  ],
  "etcd.anonymous-access": [
    {
      inputs: { host },
      result: json({ header: {}, count: "3" }),
      outputs: { open: true, keys: 3 },
      subjects,
    },
    { inputs: { host }, result: json({ header: {} }), outputs: { open: true, keys: 0 }, subjects },
    {
      inputs: { host },
      result: json({ error: "etcdserver: user name is empty", code: 3 }, 400),
      outputs: { open: false, keys: null, refusal: "etcdserver: user name is empty" },
      subjects,
    },
  ],
};
