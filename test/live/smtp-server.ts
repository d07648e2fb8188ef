import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { makeCertificate } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";

const PASSWORD = "mailer-Pa55word-0b5e";

/** A mail server that takes messages after StartTLS and a login. */
export const smtpServer: LiveSystem = {
  name: "smtp-server (npm), with STARTTLS and a login",
  contracts: ["mail.notify"],
  missing: () => undefined,
  async start() {
    const certificate = await makeCertificate("mail.example.test");
    const server = new SMTPServer({
      ...certificate,
      logger: false,
      onAuth: ({ username, password }, session, done) =>
        session.secure && username === "soc" && password === PASSWORD
          ? done(null, { user: username })
          : done(new Error("not with this password")),
      onData(stream, _session, done) {
        let size = 0;
        stream.on("data", (chunk: Buffer) => {
          size += chunk.length;
        });
        stream.on("end", () => (size > 0 ? done(null, "kept as 42") : done(new Error("it is empty"))));
      },
    });
    server.on("error", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    const { port } = server.server.address() as AddressInfo;
    const recipients = ["ana@partner.example", "ben@shop.example"];
    return {
      network: { extraCa: certificate.cert },
      secrets: { "env:SMTP_PASSWORD": PASSWORD },
      close: () => new Promise((resolve) => void server.close(() => resolve())),
      calls: {
        "mail.notify": {
          inputs: {
            host: "127.0.0.1",
            port,
            user: "soc",
            from: "soc@shop.example",
            to: recipients,
            subject: "Account disabled",
            text: "bob was locked out at 08:00\n",
          },
          outputs: { reply: 250, lines: ["kept as 42"], recipients },
        },
      },
    };
  },
};
