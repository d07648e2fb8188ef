import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { getCACertificates } from "node:tls";

/** Answers are small: more of one is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** An answer; redirects are answers like any other, and are not followed. */
export interface Posted {
  readonly status: number;
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  readonly body: Uint8Array;
}

/** Sends bytes to one endpoint, over connections that it keeps. */
export interface Poster {
  /** @throws Error when there is no whole answer, it is too large, or the signal aborts. */
  post(url: string, body: Uint8Array, signal: AbortSignal): Promise<Posted>;
  close(): void;
}

/** @param extraCa further certificate authorities, PEM; beside those of the host. */
export function openPoster(extraCa: string | undefined): Poster {
  const plain = new HttpAgent({ keepAlive: true, maxSockets: 4 });
  const secure = new HttpsAgent({
    keepAlive: true,
    maxSockets: 4,
    // A list replaces the host's own.
    ...(extraCa === undefined
      ? {}
      : { ca: [...getCACertificates("default"), ...getCACertificates("system"), extraCa] }),
  });
  return {
    post: (url, body, signal) =>
      new Promise((resolve, reject) => {
        const isSecure = url.startsWith("https:");
        const options = {
          method: "POST",
          signal,
          headers: { "content-type": "text/plain", "content-length": body.length },
        };
        const request = isSecure
          ? httpsRequest(url, { ...options, agent: secure })
          : httpRequest(url, { ...options, agent: plain });
        request.on("error", reject);
        request.on("response", (response) => {
          readAnswer(response).then(resolve, (error: unknown) => {
            request.destroy();
            reject(error);
          });
        });
        // Without this an answer of 101 would end nothing, the signal included: nobody asked for another protocol.
        request.on("upgrade", (_response, socket) => {
          socket.destroy();
          reject(new Error("it answered 101"));
        });
        request.end(body);
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

async function readAnswer(response: IncomingMessage): Promise<Posted> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const [mediaType = ""] = (response.headers["content-type"] ?? "").split(";");
  return {
    status: response.statusCode ?? 0,
    mediaType: mediaType.trim().toLowerCase(),
    body: new Uint8Array(Buffer.concat(chunks)),
  };
}
