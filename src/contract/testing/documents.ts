/** Documents for tests: each parses, and together they fit. */

export const contractText = `apiVersion: witnessops/v1
kind: Contract
id: tls.inspect
version: 1.0.0
title: Inspect the certificate that a TLS endpoint presents
purpose: One handshake, no application data.
docUrl: https://www.rfc-editor.org/rfc/rfc8446
effect: read
inputs:
  type: object
  additionalProperties: false
  required: [host]
  properties:
    host: { type: string, minLength: 1 }
    port: { type: integer, default: 443 }
outputs:
  type: object
  required: [subject, notAfter]
  properties:
    subject: { type: string }
    notAfter: { type: string, format: date-time }
errors:
  - class: CONNECT_TIMEOUT
    side: external
    retryable: true
    when: error.code == 'ETIMEDOUT'
    meaning: no connection within the deadline
  - class: TLS_HANDSHAKE
    side: external
    retryable: false
    when: error.phase == 'tls'
    meaning: the peer broke the handshake
scope:
  subjects:
    - { kind: host, from: inputs.host }
  endpoints:
    - { host: inputs.host, port: inputs.port }
  actions: [tls.handshake]
  disallowed: [sending application data]
authority:
  roles: [operator]
  approval: none
execution:
  adapter: tls
  with: { host: inputs.host, port: inputs.port }
  outputs: { subject: result.subject, notAfter: result.notAfter }
  timeout: 10s
  retry: { attempts: 3, backoff: exponential, on: [CONNECT_TIMEOUT] }
  idempotency: safe
  confirm: null
  secrets: []
evidence:
  artifacts:
    - { name: peer-chain, mediaType: application/pem-certificate-chain, required: true, sensitivity: internal }
  maxBytes: 10MB
failure: { onFailure: stop }
boundary:
  external: [which certificate the peer presents, peer availability]
attests: the chain that this address presented at this time, as captured
doesNotAttest: that the certificate is trustworthy
`;

export const runbookText = `apiVersion: witnessops/v1
kind: Runbook
id: exposure-check
version: 1.0.0
title: Check what one host exposes
classification: internal
owner: security
objective: Record what one host shows.
inputs:
  type: object
  additionalProperties: false
  required: [target]
  properties:
    target: { type: string }
    others: { type: array, items: { type: string }, default: [] }
scope:
  include:
    - host:example.com
    - { kind: host, from: inputs.target }
  exclude: [host:admin.example.com]
steps:
  - id: first
    uses: tls.inspect@1.0.0
    with: { host: inputs.target }
  - id: rest
    uses: tls.inspect@1.0.0
    needs: [first]
    when: steps.first.outcome == 'executed'
    forEach: { in: inputs.others, max: 10, key: each }
    with: { host: each }
`;

export const engagementText = `apiVersion: witnessops/v1
kind: Engagement
id: acme
version: 1.0.0
title: Acme yearly check
owner: olga
objective: Find what is exposed.
environment: production
classification: internal
window: { notBefore: 2026-01-01T00:00:00Z, notAfter: 2026-12-31T00:00:00Z }
principals:
  - { id: olga, roles: [owner, approver] }
  - { id: otto, roles: [operator] }
scope:
  include: ["host:*.example.com", "cidr:192.0.2.0/24"]
  exclude: ["host:mail.example.com"]
authorizations:
  - id: letter
    kind: owner-record
    targets: ["host:*.example.com"]
    grantedBy: Acme Ltd
`;

/** Base64 SPKI of two Ed25519 keys. */
export const keyA = `MCowBQYDK2VwAyEA${"A".repeat(43)}=`;
export const keyB = `MCowBQYDK2VwAyEAB${"A".repeat(42)}=`;

export const principalText = `apiVersion: witnessops/v1
kind: Principal
id: olga
type: human
name: Olga Owner
email: olga@example.com
roles: [owner, approver]
keys:
  - { publicKey: "${keyA}", custody: held }
`;
