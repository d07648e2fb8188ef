import { join } from "node:path";
import { BIND_DN, BIND_PASSWORD, noDirectory, SUFFIX, startDirectory } from "../directory-server.ts";
import type { LiveSystem } from "./live-system.ts";

const LOCKED = "000001010000Z";
const PEOPLE = `ou=people,${SUFFIX}`;
const dnOf = (uid: string) => `uid=${uid},${PEOPLE}`;

/** Somebody whose account is locked already. */
const lockedOut = (uid: string) => `dn: ${dnOf(uid)}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid}
sn: ${uid}
userPassword: ${uid}-Pa55word
pwdAccountLockedTime: ${LOCKED}
`;

/** A directory with people of whom two are locked out; each call is of a person of its own, so that their order is free. */
export const slapd: LiveSystem = {
  name: "OpenLDAP slapd (Debian), with its password policy overlay",
  contracts: [
    "ldap.disable-user",
    "ldap.enable-user",
    "ldap.group-members",
    "ldap.is-member",
    "ldap.remove-from-group",
    "ldap.user",
    "ldap.user-state",
  ],
  missing: () => noDirectory,
  async start(folder) {
    const more = ["carol", "dave"].map(lockedOut).join("\n");
    const second = `dn: cn=guests,ou=groups,${SUFFIX}
objectClass: groupOfNames
cn: guests
member: ${dnOf("alice")}
member: ${dnOf("bob")}
`;
    const server = await startDirectory(join(folder, "directory"), `\n${more}\n${second}`);
    const at = { host: "127.0.0.1", port: server.tlsPort, bindAs: BIND_DN };
    const person = (user: string) => ({ ...at, base: PEOPLE, user });
    const group = (name: string) => ({ groupBase: `ou=groups,${SUFFIX}`, group: name });
    return {
      network: { extraCa: server.authority },
      secrets: { "env:LDAP_BIND_PASSWORD": BIND_PASSWORD },
      close: () => server.close(),
      calls: {
        "ldap.disable-user": { inputs: person("alice"), outputs: { dn: dnOf("alice") } },
        "ldap.enable-user": { inputs: person("dave"), outputs: { dn: dnOf("dave") } },
        "ldap.group-members": {
          inputs: { ...at, ...group("admins") },
          outputs: { members: [dnOf("alice"), dnOf("bob")], count: 2 },
        },
        "ldap.is-member": {
          inputs: { ...person("bob"), ...group("admins") },
          outputs: { isMember: true },
        },
        "ldap.remove-from-group": {
          inputs: { ...person("bob"), ...group("guests") },
          outputs: { dn: `cn=guests,ou=groups,${SUFFIX}` },
        },
        "ldap.user": {
          inputs: person("bob"),
          outputs: { people: [{ dn: dnOf("bob"), names: ["Bob (the *second*)"] }], more: false },
        },
        "ldap.user-state": {
          inputs: person("carol"),
          outputs: { dn: dnOf("carol"), disabled: true, lockedAt: LOCKED },
        },
      },
    };
  },
};
