/** Contracts and runbook that take a domain away from the clients of one name server, and look whether that worked. */
export function sinkholeFiles(api: string): Readonly<Record<string, string>> {
  const secret = `secrets:
    - { name: api-key, ref: "env:PDNS_API_KEY", into: { kind: header, name: X-API-Key } }`;
  const zones = `'${api}/api/v1/servers/localhost/zones`;
  const artifacts = `evidence:
  artifacts:
    - { name: request, mediaType: application/json, required: true, sensitivity: internal }
    - { name: response-head, mediaType: application/json, required: true, sensitivity: internal }
    - { name: response-body, mediaType: application/json, required: true, sensitivity: internal }
  maxBytes: 1MB`;
  const domain = `{ type: string, minLength: 3, maxLength: 253, pattern: '^[a-z0-9.-]+[a-z0-9]$' }`;
  return {
    "catalog/powerdns/zone-create.yaml": `apiVersion: witnessops/v1
kind: Contract
id: powerdns.sinkhole-create
version: 1.0.0
title: Take a domain away from the clients of a name server
purpose: Creates a zone that answers for the domain with a sinkhole's address.
docUrl: https://doc.powerdns.com/authoritative/http-api/zone.html
system: { name: PowerDNS Authoritative Server, versions: "4.7" }
effect: destructive
inputs:
  type: object
  additionalProperties: false
  required: [domain, address]
  properties: { domain: ${domain}, address: { type: string, maxLength: 45 } }
outputs:
  type: object
  additionalProperties: false
  required: [zone, serial]
  properties: { zone: { type: string }, serial: { type: integer } }
errors:
  - { class: ZONE_EXISTS, side: operator, retryable: false, when: "error.code == 'HTTP_STATUS' && error.status == 409", meaning: the server has such a zone already }
  - { class: REFUSED, side: external, retryable: false, when: "error.code == 'HTTP_STATUS'", meaning: the server did not make the zone }
scope:
  subjects: [{ kind: host, from: inputs.domain }]
  endpoints: [{ url: "${zones}'" }]
  actions: [creating one zone]
  disallowed: [changing a zone that exists]
authority: { roles: [operator], approval: { groups: [{ quorum: 1, roles: [approver] }, { quorum: 1, roles: [owner] }], expiresIn: 4h } }
execution:
  adapter: http
  with:
    method: "'POST'"
    url: "${zones}'"
    json:
      name: "inputs.domain + '.'"
      kind: "'Native'"
      nameservers: "['ns.sinkhole.test.']"
      rrsets: "[{'name': inputs.domain + '.', 'type': 'A', 'ttl': 60, 'records': [{'content': inputs.address, 'disabled': false}]}]"
  outputs: { zone: result.body.json.id, serial: result.body.json.serial }
  timeout: 8s
  # A second request would be answered with a conflict and look as if the first had failed.
  idempotency: unsafe
  confirm:
    uses: powerdns.zone-state@1.0.0
    after: 8s
    with: { domain: inputs.domain }
    happened: outputs.exists
    notHappened: "!outputs.exists"
  ${secret}
${artifacts}
failure: { onFailure: escalate, escalateTo: incident-lead }
boundary: { external: [whether it serves the zone, which clients ask it] }
attests: that the server answered that it made the zone
doesNotAttest: that any client is kept from the domain
`,
    "catalog/powerdns/zone-state.yaml": `apiVersion: witnessops/v1
kind: Contract
id: powerdns.zone-state
version: 1.0.0
title: Whether a name server has a zone
purpose: Reads one zone.
docUrl: https://doc.powerdns.com/authoritative/http-api/zone.html
system: { name: PowerDNS Authoritative Server, versions: "4.7" }
effect: read
inputs:
  type: object
  additionalProperties: false
  required: [domain]
  properties: { domain: ${domain} }
outputs:
  type: object
  additionalProperties: false
  required: [exists]
  properties: { exists: { type: boolean } }
errors:
  - { class: REFUSED, side: external, retryable: false, when: "error.code == 'HTTP_STATUS'", meaning: the server did not say }
scope:
  subjects: [{ kind: host, from: inputs.domain }]
  endpoints: [{ url: "${zones}/' + inputs.domain + '.'" }]
  actions: [reading one zone]
  disallowed: [changing anything]
authority: { roles: [operator], approval: none }
execution:
  adapter: http
  with:
    url: "${zones}/' + inputs.domain + '.'"
    expectStatus: "[404]"
  outputs: { exists: result.status == 200 }
  timeout: 8s
  idempotency: safe
  ${secret}
${artifacts}
failure: { onFailure: stop }
boundary: { external: [which zones it has] }
attests: what the server answered about the zone
doesNotAttest: that it serves the zone
`,
    "runbooks/contain-domain.yaml": `apiVersion: witnessops/v1
kind: Runbook
id: contain-domain
version: 1.0.0
title: Contain a domain
classification: internal
owner: ana
objective: keep clients from a domain that malware calls
technique: T1071
inputs:
  type: object
  additionalProperties: false
  required: [domain, server, port]
  properties: { domain: { type: string }, server: { type: string }, port: { type: integer } }
scope: { include: [{ kind: host, from: inputs.domain }, { kind: address, from: inputs.server }] }
steps:
  - { id: before, uses: powerdns.zone-state@1.0.0, with: { domain: inputs.domain } }
  - id: sinkhole
    uses: powerdns.sinkhole-create@1.0.0
    when: "!steps.before.outputs.exists"
    with: { domain: inputs.domain, address: "'192.0.2.1'" }
  - id: look
    uses: dns.query@1.0.0
    needs: [sinkhole]
    with: { name: inputs.domain, server: inputs.server, serverPort: inputs.port, types: "['A']" }
`,
  };
}
