import { type Described, describedSystem } from "./described-system.ts";

const host = "acme.okta.com";

/** Okta's description, from its npm package `@okta/openapi`. */
export const okta: Described = {
  name: "Okta API 2.15.0",
  description: "sha256:f133015657d5784dfdfc8383f58183b1f4eaa9c71a1605788385147bbac91724",
  host,
  credential: { header: "authorization", value: "SSWS live-okta-token-0001" },
  secrets: { "env:OKTA_AUTHORIZATION": "SSWS live-okta-token-0001" },
  calls(port) {
    const user = { host, user: "mallory@acme.example", port };
    const subjects = [`host:${host}`, "user:mallory@acme.example"];
    return {
      "okta.suspend-user": { inputs: user, outputs: { status: 200 }, subjects },
      "okta.system-log": {
        inputs: {
          host,
          since: "2026-01-01T00:00:00Z",
          until: "2026-01-02T00:00:00Z",
          filter: 'eventType eq "user.session.start"',
          port,
        },
        over: {
          eventType: "user.session.start",
          published: "2026-01-01T10:00:00.000Z",
          actor: { alternateId: "mallory@acme.example" },
          outcome: { result: "SUCCESS" },
          client: { ipAddress: "192.0.2.10" },
        },
        outputs: {
          complete: true,
          items: [
            {
              type: "user.session.start",
              published: "2026-01-01T10:00:00.000Z",
              actor: "mallory@acme.example",
              outcome: "SUCCESS",
              address: "192.0.2.10",
            },
          ],
        },
        subjects: [`host:${host}`],
      },
      "okta.unsuspend-user": { inputs: user, outputs: { status: 200 }, subjects },
      "okta.user": {
        inputs: user,
        over: { id: "00ub0oNGTSWTBKOLGLNR", status: "SUSPENDED" },
        outputs: { id: "00ub0oNGTSWTBKOLGLNR", status: "SUSPENDED" },
        otherwise: { over: { status: "ACTIVE" }, outputs: { status: "ACTIVE" } },
        subjects,
      },
      "okta.user-factors": {
        inputs: user,
        over: { id: "ufs2bysphxKODSZKWVCT", factorType: "webauthn", provider: "FIDO", status: "ACTIVE" },
        outputs: {
          factors: [{ id: "ufs2bysphxKODSZKWVCT", type: "webauthn", provider: "FIDO", status: "ACTIVE" }],
        },
        subjects,
      },
      "okta.user-roles": {
        inputs: user,
        over: { type: "SUPER_ADMIN", status: "ACTIVE", assignmentType: "USER" },
        outputs: { roles: [{ type: "SUPER_ADMIN", status: "ACTIVE", assignment: "USER" }] },
        subjects,
      },
    };
  },
};

export const oktaSystem = describedSystem(okta);
