import { type Described, describedSystem } from "./described-system.ts";

const credential = { header: "authorization", value: "Bearer live-github-token-0001" };
const secrets = { "env:GITHUB_TOKEN": "live-github-token-0001" };
const sha = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
const ghsa = "GHSA-jfh8-c2jp-5v3q";
const list = { complete: true };

/** GitHub's description, from the npm package `@octokit/openapi`. */
export const github: Described = {
  name: "GitHub's official OpenAPI spec + Octokit extension 23.0.2",
  description: "sha256:829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a",
  host: "api.github.com",
  credential,
  secrets,
  calls(port) {
    const repo = { owner: "acme", repo: "shop", port };
    const member = { org: "acme", username: "mallory", port };
    const repository = ["repository:github.com/acme/shop"];
    const organization = ["organization:github.com/acme"];
    const account = [...organization, "user:github.com/mallory"];
    const key = [...repository, "deploy-key:github.com/acme/shop/7"];
    return {
      "github.advisories": {
        inputs: { ecosystem: "maven", package: "org.apache.logging.log4j:log4j-core@2.14.1", port },
        over: { ghsa_id: ghsa, cve_id: "CVE-2021-44228", severity: "critical", withdrawn_at: null },
        outputs: {
          ...list,
          items: [{ ghsa, cve: "CVE-2021-44228", severity: "critical", withdrawn: false }],
        },
        subjects: ["package:maven/org.apache.logging.log4j:log4j-core@2.14.1"],
        anonymous: true,
      },
      "github.advisory": {
        inputs: { ghsa, port },
        over: { ghsa_id: ghsa, cve_id: "CVE-2021-44228", severity: "critical", withdrawn_at: null },
        outputs: { ghsa, cve: "CVE-2021-44228", severity: "critical", withdrawn: false },
        subjects: [`advisory:${ghsa}`],
        anonymous: true,
      },
      "github.block-user": { inputs: member, outputs: { status: 204 }, subjects: account },
      "github.blocked-user": {
        inputs: member,
        status: 404,
        outputs: { blocked: false },
        otherwise: { status: 204, outputs: { blocked: true } },
        subjects: account,
      },
      "github.code-alerts": {
        inputs: repo,
        over: { number: 4, state: "open", rule: { id: "js/sql-injection", security_severity_level: "high" } },
        outputs: {
          ...list,
          items: [{ number: 4, state: "open", rule: "js/sql-injection", severity: "high" }],
        },
        subjects: repository,
      },
      "github.commit-verification": {
        inputs: { ...repo, ref: sha },
        over: { sha, commit: { verification: { verified: true, reason: "valid" } } },
        outputs: { sha, verified: true, reason: "valid" },
        subjects: [...repository, `commit:${sha}`],
      },
      "github.delete-deploy-key": {
        inputs: { ...repo, key: 7 },
        outputs: { key: 7, status: 204 },
        subjects: key,
      },
      "github.dependabot-alerts": {
        inputs: repo,
        over: {
          number: 2,
          state: "open",
          security_vulnerability: {
            package: { ecosystem: "pip", name: "django" },
            severity: "high",
          },
          security_advisory: { ghsa_id: "GHSA-rf4j-j272-fj86" },
        },
        outputs: {
          ...list,
          items: [
            { number: 2, package: "django", ecosystem: "pip", severity: "high", ghsa: "GHSA-rf4j-j272-fj86" },
          ],
        },
        subjects: repository,
      },
      "github.deploy-key": {
        inputs: { ...repo, key: 7 },
        over: { id: 7, title: "ci", read_only: false },
        outputs: { found: true, title: "ci", readOnly: false },
        otherwise: { status: 404, outputs: { found: false, title: null, readOnly: null } },
        subjects: key,
      },
      "github.deploy-keys": {
        inputs: repo,
        over: { id: 7, title: "ci", read_only: false, verified: true },
        outputs: { ...list, items: [{ id: 7, title: "ci", readOnly: false, verified: true }] },
        subjects: repository,
      },
      "github.org-members": {
        inputs: { org: "acme", filter: "2fa_disabled", port },
        over: { login: "mallory", id: 5 },
        outputs: { ...list, items: [{ login: "mallory", id: 5 }] },
        subjects: organization,
      },
      "github.org-membership": {
        inputs: member,
        over: { state: "active", role: "admin" },
        outputs: { found: true, state: "active", role: "admin" },
        otherwise: { status: 404, outputs: { found: false, state: null, role: null } },
        subjects: account,
      },
      "github.outside-collaborators": {
        inputs: { org: "acme", port },
        over: { login: "mallory", id: 5 },
        outputs: { ...list, items: [{ login: "mallory", id: 5 }] },
        subjects: organization,
      },
      "github.remove-member": {
        inputs: member,
        outputs: { username: "mallory", status: 204 },
        subjects: account,
      },
      "github.secret-alerts": {
        inputs: repo,
        over: { number: 3, state: "open", secret_type: "mailchimp_api_key" },
        outputs: { ...list, items: [{ number: 3, state: "open", type: "mailchimp_api_key" }] },
        subjects: repository,
      },
      "github.webhooks": {
        inputs: repo,
        over: { id: 9, active: true, config: { url: "https://ci.acme.example/hook" }, events: ["push"] },
        outputs: {
          ...list,
          items: [{ id: 9, active: true, url: "https://ci.acme.example/hook", events: ["push"] }],
        },
        subjects: repository,
      },
    };
  },
};

/** What GitHub Enterprise Cloud has besides, from the same package. */
export const ghec: Described = {
  ...github,
  name: "GitHub Enterprise Cloud, GitHub's official OpenAPI spec + Octokit extension 23.0.2",
  description: "sha256:3224a411049a9d421d42ae8575172d4cb4778f4a978afddd030168aaf6f3dd51",
  calls: (port) => ({
    "ghec.audit-log": {
      inputs: { org: "acme", phrase: "action:org.remove_member", port },
      over: { action: "org.remove_member", actor: "olga", "@timestamp": 1767323045000 },
      outputs: {
        ...list,
        items: [{ action: "org.remove_member", actor: "olga", timestamp: 1767323045000 }],
      },
      subjects: ["organization:github.com/acme"],
    },
    "ghec.revoke-sso-credential": {
      inputs: { org: "acme", login: "mallory", credential: 161195, port },
      outputs: { credential: 161195, status: 204 },
      subjects: [
        "organization:github.com/acme",
        "user:github.com/mallory",
        "credential:github.com/acme/161195",
      ],
    },
    "ghec.sso-credentials": {
      inputs: { org: "acme", port },
      over: { login: "mallory", credential_id: 161195, credential_type: "personal access token" },
      outputs: { ...list, items: [{ login: "mallory", id: 161195, type: "personal access token" }] },
      otherwise: { over: { credential_id: 161196 }, outputs: { ...list, items: [{ id: 161196 }] } },
      subjects: ["organization:github.com/acme"],
    },
  }),
};

export const githubSystem = describedSystem(github);
export const ghecSystem = describedSystem(ghec);
