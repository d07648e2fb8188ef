import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { needProgram } from "../scripts/need-program.ts";
import { makeCertificate } from "./local-servers.ts";
import { freePort } from "./ssh-server.ts";

/** What keeps a MariaDB server from being started here; undefined when nothing does. */
export const noMariadb =
  needProgram("/usr/sbin/mariadbd", "mariadb-server") ??
  (process.getuid?.() === 0 ? undefined : "skipped: starts MariaDB as root");

/** A MariaDB server of a test: on loopback, with TLS, in a folder of its own. */
export interface MariadbServer {
  readonly port: number;
  /** May do anything, and the password that lets it in. */
  readonly user: string;
  readonly password: string;
  /** The server's certificate, for `mariadb.test` and 127.0.0.1, which nobody vouches for. */
  readonly certificate: string;
  /** Runs statements as that user. */
  query(...statements: string[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts MariaDB with the database `shop`; the user `open`, who may read it, needs no password. */
export async function startMariadb(): Promise<MariadbServer> {
  const [user, password] = ["watch", "native-Pa55word-7c1d"];
  const folder = mkdtempSync(join(tmpdir(), "witnessops-mariadb-"));
  const [data, files] = [join(folder, "data"), join(folder, "files")];
  mkdirSync(files);
  const init = ["--no-defaults", "--user=root", `--datadir=${data}`, "--skip-test-db"];
  execFileSync("mariadb-install-db", [...init, "--auth-root-authentication-method=normal"], {
    stdio: "ignore",
  });
  const { key, cert } = await makeCertificate("mariadb.test");
  const [keyFile, certFile, script] = ["key.pem", "cert.pem", "init.sql"].map((name) => join(folder, name));
  writeFileSync(keyFile as string, key);
  writeFileSync(certFile as string, cert);
  writeFileSync(
    script as string,
    [
      `CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY '${password}'`,
      `GRANT ALL ON *.* TO ${user}@'127.0.0.1' WITH GRANT OPTION`,
      "CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4",
      "CREATE USER open@'127.0.0.1' IDENTIFIED BY ''",
      "GRANT SELECT ON shop.* TO open@'127.0.0.1'",
      "DROP USER root@localhost",
      "",
    ].join(";\n"),
  );
  const port = await freePort();
  const settings = [
    ["datadir", data],
    ["port", port],
    ["bind-address", "127.0.0.1"],
    ["socket", join(folder, "socket")],
    ["pid-file", join(folder, "pid")],
    ["ssl-cert", certFile],
    ["ssl-key", keyFile],
    ["init-file", script],
    ["secure-file-priv", files],
    ["innodb-buffer-pool-size", "32M"],
    ["innodb-flush-log-at-trx-commit", 0],
  ].map(([name, value]) => `--${name}=${value}`);
  const server = spawn(
    "/usr/sbin/mariadbd",
    ["--no-defaults", "--user=root", "--skip-name-resolve", ...settings],
    { stdio: "ignore", cwd: folder },
  );
  const to = { host: "127.0.0.1", port, user, password };
  await untilReady(to);
  return {
    port,
    user,
    password,
    certificate: cert,
    async query(...statements) {
      const client = await createConnection(to);
      for (const one of statements) await client.query(one);
      await client.end();
    },
    async close() {
      const ended = once(server, "exit");
      server.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the server lets us in. @throws what the last attempt said, after thirty seconds. */
async function untilReady(to: { host: string; port: number; user: string; password: string }): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const client = await createConnection(to);
      await client.end();
      return;
    } catch (error) {
      if (tries === 300) throw error;
      await delay(100);
    }
  }
}
