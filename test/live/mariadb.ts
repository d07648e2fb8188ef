import { noMariadb, startMariadb } from "../mariadb-server.ts";
import type { LiveSystem } from "./live-system.ts";

/** MariaDB over TLS, with an account that is locked. */
export const mariadb: LiveSystem = {
  name: "MariaDB (Debian), with TLS",
  contracts: ["mariadb.accounts", "mariadb.settings"],
  missing: () => noMariadb,
  async start() {
    const server = await startMariadb();
    const { user, password, port } = server;
    await server.query("CREATE USER till@'192.0.2.%' IDENTIFIED BY 'till-Pa55word' ACCOUNT LOCK");
    const at = { host: "127.0.0.1", port, user };
    return {
      network: { extraCa: server.certificate },
      secrets: { "env:MARIADB_PASSWORD": password },
      close: () => server.close(),
      calls: {
        "mariadb.accounts": {
          inputs: { ...at, account: "till" },
          outputs: {
            accounts: [
              {
                name: "till",
                host: "192.0.2.%",
                locked: true,
                plugin: "mysql_native_password",
                super: false,
                grantOption: false,
                file: false,
                passwordExpired: false,
                isRole: false,
              },
            ],
            administrators: [],
            count: 1,
            more: false,
          },
        },
        "mariadb.settings": {
          inputs: at,
          outputs: {
            tls: true,
            tlsRequired: false,
            namesResolved: false,
            binaryLog: false,
            generalLog: false,
          },
        },
      },
    };
  },
};
