import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { needProgram } from "../scripts/need-program.ts";
import { makeCertificate } from "./local-servers.ts";
import { freePort } from "./ssh-server.ts";

const find = () => globSync("/usr/lib/postgresql/*/bin/postgres").sort().at(-1);
const missing =
  find() === undefined ? needProgram("/usr/lib/postgresql/15/bin/postgres", "postgresql") : undefined;

/** What keeps a PostgreSQL server from being started here; undefined when nothing does. */
export const noPostgres =
  missing ?? (process.getuid?.() === 0 ? undefined : "skipped: starts PostgreSQL as another user, as root");

/** A PostgreSQL server of a test: on loopback, with TLS, in a folder of its own. */
export interface PostgresServer {
  readonly port: number;
  /** A superuser, and the password that lets it in. */
  readonly user: string;
  readonly password: string;
  /** The server's certificate, for `postgresql.test` and 127.0.0.1, which nobody vouches for. */
  readonly certificate: string;
  close(): Promise<void>;
}

/** Starts PostgreSQL. The role `open`, which there is none of yet, needs no password. */
export async function startPostgres(): Promise<PostgresServer> {
  const [user, password] = ["watch", "scram-Pa55word-0b5e"];
  const folder = mkdtempSync(join(tmpdir(), "witnessops-sql-"));
  const bin = dirname(find() ?? "");
  const owner = { uid: idOf("-u"), gid: idOf("-g") };
  const data = join(folder, "data");
  chmodSync(folder, 0o755);
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, owner.uid, owner.gid);
  writeFileSync(join(folder, "password"), password);
  chownSync(join(folder, "password"), owner.uid, owner.gid);
  const options = { ...owner, stdio: "ignore" as const, cwd: data };
  const init = ["-D", data, "-U", user, "--auth=scram-sha-256", `--pwfile=${join(folder, "password")}`];
  execFileSync(join(bin, "initdb"), [...init, "--no-sync", "--encoding=UTF8", "--locale=C"], options);
  const { key, cert } = await makeCertificate("postgresql.test");
  for (const [name, text] of [
    ["server.key", key],
    ["server.crt", cert],
  ] as const) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    chownSync(join(data, name), owner.uid, owner.gid);
  }
  const rules = "host all open 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
  writeFileSync(join(data, "pg_hba.conf"), rules);
  const port = await freePort();
  const settings = ["ssl=on", "fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${data}`];
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])],
    options,
  );
  await untilReady(port, user, password);
  return {
    port,
    user,
    password,
    certificate: cert,
    async close() {
      const ended = once(server, "exit");
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the server lets us in. @throws what the last attempt said, after twenty seconds. */
async function untilReady(port: number, user: string, password: string): Promise<void> {
  const { Client } = await import("pg");
  for (let tries = 0; ; tries++) {
    const client = new Client({ host: "127.0.0.1", port, database: "postgres", user, password, ssl: false });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await delay(100);
    }
  }
}

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }).trim());
}
