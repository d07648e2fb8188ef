import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { needProgram } from "../scripts/need-program.ts";
import { freePortOfBoth, makeCertificate } from "./local-servers.ts";

/** Why there can be no directory server here; undefined when there can. */
export const noDirectory = needProgram("/usr/sbin/slapd", "slapd");

export const SUFFIX = "dc=example,dc=test";
export const BIND_DN = `cn=responder,${SUFFIX}`;
export const BIND_PASSWORD = "responder-Pa55word-0b5e";

/** A real directory (OpenLDAP) on loopback, in a folder of its own. */
export interface DirectoryServer {
  /** Clear text and StartTLS. */
  readonly port: number;
  readonly tlsPort: number;
  /** Its certificate, PEM, for its address and `directory.example.test`. */
  readonly authority: string;
  /** The whole directory as LDIF, as the server's own tool reads it from its files. */
  dump(): string;
  close(): Promise<void>;
}

/** Starts slapd with two people, a group and `extra` entries, password policies, and one referral. */
export async function startDirectory(folder: string, extra = ""): Promise<DirectoryServer> {
  const file = (name: string) => join(folder, name);
  mkdirSync(file("data"), { recursive: true });
  const { key, cert } = await makeCertificate("directory.example.test");
  writeFileSync(file("key.pem"), key, { mode: 0o600 });
  writeFileSync(file("cert.pem"), cert);
  const modules = existsSync("/usr/lib/ldap/back_mdb.so") || globSync("/usr/lib/ldap/back_mdb*").length > 0;
  writeFileSync(
    file("slapd.conf"),
    `${["core", "cosine", "inetorgperson"].map((name) => `include /etc/ldap/schema/${name}.schema`).join("\n")}
modulepath /usr/lib/ldap
${modules ? "moduleload back_mdb" : ""}
moduleload ppolicy
pidfile ${file("pid")}
TLSCertificateFile ${file("cert.pem")}
TLSCertificateKeyFile ${file("key.pem")}
sizelimit size.soft=unlimited size.hard=unlimited size.pr=unlimited
database mdb
suffix ${SUFFIX}
rootdn cn=admin,${SUFFIX}
directory ${file("data")}
maxsize 104857600
dbnosync
overlay ppolicy
ppolicy_default cn=default,ou=policies,${SUFFIX}
ppolicy_use_lockout
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=${BIND_DN} write by users read by anonymous read
`,
  );
  writeFileSync(file("entries.ldif"), `${ENTRIES}\n${extra}`);
  execFileSync("/usr/sbin/slapadd", ["-f", file("slapd.conf"), "-l", file("entries.ldif")], {
    stdio: "pipe",
  });
  const [port, tlsPort] = [await freePortOfBoth(), await freePortOfBoth()];
  const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${tlsPort}`;
  const server = spawn("/usr/sbin/slapd", ["-f", file("slapd.conf"), "-h", urls, "-d", "0"], {
    stdio: "ignore",
  });
  for (let tries = 0; !(await answers(tlsPort)); tries++) {
    if (tries > 200 || server.exitCode !== null) throw new Error("slapd did not start");
    await delay(50);
  }
  return {
    port,
    tlsPort,
    authority: readFileSync(file("cert.pem"), "utf8"),
    dump: () =>
      execFileSync("/usr/sbin/slapcat", ["-f", file("slapd.conf"), "-o", "ldif-wrap=no"], {
        encoding: "utf8",
      }),
    async close() {
      if (server.exitCode !== null) return;
      const ended = once(server, "exit");
      server.kill("SIGTERM");
      await ended;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const person = (uid: string, name: string, password: string) => `dn: uid=${uid},ou=people,${SUFFIX}
objectClass: inetOrgPerson
uid: ${uid}
cn: ${name}
sn: ${name}
mail: ${uid}@example.test
userPassword: ${password}
`;

const ENTRIES = `dn: ${SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ${BIND_DN}
objectClass: person
cn: responder
sn: responder
userPassword: ${BIND_PASSWORD}

dn: ou=people,${SUFFIX}
objectClass: organizationalUnit
ou: people

dn: ou=policies,${SUFFIX}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,${SUFFIX}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE

dn: ou=groups,${SUFFIX}
objectClass: organizationalUnit
ou: groups

${person("alice", "Alice", "alice-Pa55word")}jpegPhoto:: /9j/AAECAw==

${person("bob", "Bob (the *second*)", "bob-Pa55word")}
dn: cn=admins,ou=groups,${SUFFIX}
objectClass: groupOfNames
cn: admins
member: uid=alice,ou=people,${SUFFIX}
member: uid=bob,ou=people,${SUFFIX}

dn: ou=elsewhere,${SUFFIX}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://elsewhere.example.test/ou=people,dc=elsewhere
`;
