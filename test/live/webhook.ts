import { makeCertificate, startHttps } from "../local-servers.ts";
import type { LiveSystem } from "./live-system.ts";

/** A receiver that takes a JSON message with a key against repetition, and refuses anything else. */
export const webhook: LiveSystem = {
  name: "an HTTPS receiver of Node.js on loopback",
  contracts: ["notify.webhook"],
  missing: () => undefined,
  async start() {
    const certificate = await makeCertificate("hooks.example.test");
    const server = await startHttps(certificate, async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { method, url, headers } = request;
      const isMessage =
        method === "POST" &&
        url === "/in" &&
        headers["content-type"]?.startsWith("application/json") === true &&
        typeof headers["idempotency-key"] === "string" &&
        body.includes('"text":"ports waits for an approval"');
      response.statusCode = isMessage ? 204 : 400;
      response.end();
    });
    const url = `https://127.0.0.1:${server.port}/in`;
    return {
      network: { extraCa: certificate.cert },
      close: () => server.close(),
      calls: {
        "notify.webhook": {
          inputs: { url, text: "ports waits for an approval", on: "waiting", run: "3f9ab2c41d07e865" },
          outputs: { status: 204 },
        },
      },
    };
  },
};
