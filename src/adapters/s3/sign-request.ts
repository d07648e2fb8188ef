import { createHash } from "node:crypto";
import type { SecretValue } from "../../adapter/adapter.ts";
import type { S3Parameters } from "./parameters.ts";

/** One request before it is signed. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** The host that is connected to. */
export function hostOf({ host, bucket, addressing }: S3Parameters): string {
  return addressing === "virtual" ? `${bucket}.${host}` : host;
}

/**
 * The URL of an object, or of the bucket. Each segment is percent-encoded (RFC 3986 section 2.3). Undefined for a key
 * that a URL cannot hold as it is: `.` and `..` as segments, and lone surrogates.
 */
export function urlOf(asked: S3Parameters, key: string | undefined): URL | undefined {
  const segments = (key ?? "").split("/");
  if (segments.some((segment) => segment === "." || segment === "..") || !(key ?? "").isWellFormed())
    return undefined;
  const path = segments.map(encode).join("/");
  const host = hostOf(asked);
  const authority = `${host.includes(":") ? `[${host}]` : host}${asked.port === undefined ? "" : `:${asked.port}`}`;
  const base = asked.addressing === "virtual" ? "" : `/${asked.bucket}`;
  return URL.parse(`https://${authority}${base}${key === undefined ? "" : `/${path}`}`) ?? undefined;
}

function encode(text: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hex);
}

/** The credentials that the contract refers to: `access-key-id`, `secret-access-key` and perhaps `session-token`. */
export function credentialsOf(secrets: readonly SecretValue[]) {
  const find = (name: string) => secrets.find(({ into }) => into.kind === "key" && into.name === name)?.value;
  const [accessKeyId, secretAccessKey] = [find("access-key-id"), find("secret-access-key")];
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = find("session-token");
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Signs a request (AWS Signature Version 4, header form), the digest of its body included. */
export async function signRequest(
  { method, url, headers, body }: S3Request,
  credentials: NonNullable<ReturnType<typeof credentialsOf>>,
  region: string,
): Promise<Record<string, string>> {
  const { AwsV4Signer } = await import("aws4fetch");
  const digest = createHash("sha256")
    .update(body ?? "")
    .digest("hex");
  const signer = new AwsV4Signer({
    ...credentials,
    method,
    url: url.href,
    headers: { ...headers, "x-amz-content-sha256": digest },
    region,
    service: "s3",
    // The length is the connection's business; everything else that is sent is signed.
    allHeaders: true,
  });
  const signed = await signer.sign();
  return { ...Object.fromEntries(signed.headers), host: url.host };
}
