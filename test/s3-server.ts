import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { type LocalServer, makeCertificate, startHttps } from "./local-servers.ts";

/** An S3-compatible server of a test, on loopback over TLS. */
export interface S3Server {
  readonly port: number;
  /** PEM of its certificate. */
  readonly ca: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Names of buckets under `s3.example`, when addressed by host. */
  readonly bucket: string;
  /** Asked first; true when it has answered, or never will. */
  intercept: ((asked: IncomingMessage, answer: ServerResponse) => boolean) | undefined;
  readonly local: LocalServer;
}

interface S3rver {
  configureBuckets(): Promise<unknown>;
  getMiddleware(): RequestListener;
}

/**
 * Starts `s3rver` in this process. It stores objects and checks signatures; two things that S3 has and it lacks are added
 * before it: `If-None-Match: *` of a new object, and the SHA-256 checksum, which is kept and given back.
 */
export async function startS3Server(directory: string): Promise<S3Server> {
  const load = createRequire(import.meta.url);
  const Server = load("@20minutes/s3rver") as new (options: object) => S3rver;
  const { DUMMY_ACCOUNT } = load("@20minutes/s3rver/lib/models/account.js") as {
    DUMMY_ACCOUNT: { createKeyPair(id: string, secret: string): void };
  };
  const [accessKeyId, secretAccessKey] = ["AKIATESTTESTTEST0001", "s3-secret-0b5e7f31/abcdefghijklmnop+XYZ="];
  DUMMY_ACCOUNT.createKeyPair(accessKeyId, secretAccessKey);
  const bucket = "evidence";
  const options = {
    directory,
    silent: true,
    serviceEndpoint: "s3.example",
    configureBuckets: [{ name: bucket }, { name: "doubtful" }],
  };
  const store = new Server(options);
  await store.configureBuckets();
  const handle = store.getMiddleware();
  const checksums = new Map<string, string>();
  const { key, cert } = await makeCertificate("s3.example");
  const listener: RequestListener = (asked, answer) => {
    if (state.intercept?.(asked, answer) === true) return;
    const path = asked.url?.split("?", 1)[0] ?? "";
    const sent = asked.headers["x-amz-checksum-sha256"];
    if (asked.method === "PUT" && typeof sent === "string") {
      if (asked.headers["if-none-match"] === "*" && checksums.has(path)) {
        asked.resume();
        const body = "<Error><Code>PreconditionFailed</Code></Error>";
        return void answer.writeHead(412, { "content-type": "application/xml" }).end(body);
      }
      answer.setHeader("x-amz-checksum-sha256", sent);
      answer.once("finish", () => answer.statusCode === 200 && checksums.set(path, sent));
    }
    const kept = checksums.get(path);
    if (asked.headers["x-amz-checksum-mode"] === "ENABLED" && kept !== undefined)
      answer.setHeader("x-amz-checksum-sha256", kept);
    handle(asked, answer);
  };
  const local = await startHttps({ key, cert }, listener);
  const state: S3Server = {
    port: local.port,
    ca: cert,
    accessKeyId,
    secretAccessKey,
    bucket,
    intercept: undefined,
    local,
  };
  return state;
}
