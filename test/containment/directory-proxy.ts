import { connect } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { contentOf, readElements, SEQUENCE } from "../../src/adapters/ldap/ber.ts";
import { makeCertificate } from "../local-servers.ts";

/** A line to a real directory that loses things. */
export interface DirectoryProxy {
  readonly port: number;
  /** PEM of the certificate that it shows. */
  readonly authority: string;
  /** What happens to the next changes: their request never arrives, or their answer never comes back. */
  fault: "lose-request" | "lose-answer" | undefined;
  /** How many were lost so far. */
  lost(): number;
  close(): Promise<void>;
}

/** Takes TLS off and passes everything on to the directory's port, but for what `fault` says. */
export async function startDirectoryProxy(to: number): Promise<DirectoryProxy> {
  const certificate = await makeCertificate("directory.example.test");
  const state: { fault: DirectoryProxy["fault"] } = { fault: undefined };
  let lost = 0;
  const open = new Set<TLSSocket>();
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (client) => {
    const onward = connect(to, "127.0.0.1");
    let swallowed = false;
    open.add(client);
    client.on("error", () => onward.destroy());
    client.on("close", () => onward.destroy());
    onward.on("error", () => client.destroy());
    onward.on("close", () => client.destroy());
    client.on("data", (chunk: Buffer) => {
      const fault = isChange(chunk) ? state.fault : undefined;
      if (fault === "lose-request") lost += 1;
      else onward.write(chunk);
      swallowed = fault === "lose-answer";
    });
    onward.on("data", (chunk: Buffer) => {
      if (swallowed) lost += 1;
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    authority: certificate.cert,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    lost: () => lost,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Whether a request is a ModifyRequest, RFC 4511 section 4.6. */
function isChange(chunk: Buffer): boolean {
  const [message] = readElements(chunk);
  return readElements(contentOf(message, SEQUENCE, "message"))[1]?.tag === 0x66;
}
