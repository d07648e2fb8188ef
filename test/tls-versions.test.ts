import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer, type Server, type TlsOptions } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, describe, expect, it } from "vitest";

const tool = join(import.meta.dirname, "../examples/tools/tls-versions.mjs");
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(options: TlsOptions): Promise<number> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
  const server = createServer({ key, cert, ...options }, (socket) => socket.end()).on(
    "tlsClientError",
    () => {},
  );
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function run(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [tool, ...args]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const [status] = (await once(child, "close")) as [number];
  return { status, stdout, stderr };
}

describe("examples/tools/tls-versions.mjs", () => {
  it("tells accepted from refused versions", async () => {
    const port = await serve({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
    const { status, stdout } = await run("127.0.0.1", String(port));
    const { versions } = JSON.parse(stdout);
    expect(versions.map(({ version, outcome }: Record<string, string>) => `${version} ${outcome}`)).toEqual([
      "TLS 1.0 refused",
      "TLS 1.1 refused",
      "TLS 1.2 accepted",
      "TLS 1.3 refused",
    ]);
    expect(status).toBe(0);
  });

  it("ends with 3 when nothing listens", async () => {
    const port = await serve({});
    const closed = servers.pop()?.close();
    if (closed !== undefined) await once(closed, "close");
    const { status, stdout, stderr } = await run("127.0.0.1", String(port));
    expect(status).toBe(3);
    expect(stderr).toContain("ECONNREFUSED");
    expect(JSON.parse(stdout).versions).toHaveLength(4);
  });

  it("ends with 2 on wrong use", async () => {
    const results = await Promise.all([
      run(),
      run("localhost"),
      run("localhost", "0"),
      run("localhost", "x"),
    ]);
    expect(results.map(({ status }) => status)).toEqual([2, 2, 2, 2]);
  });
});
