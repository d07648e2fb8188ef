import { createHash } from "node:crypto";
import type { Adapter, AdapterOutcome } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import type { JsonObject } from "../../format/json.ts";
import { parameters, type S3Parameters } from "./parameters.ts";
import { readListing } from "./read-listing.ts";
import {
  isDeleteMarker,
  MAX_ERROR,
  openSession,
  prepareFault,
  S3Failed,
  type Session,
  UNCERTAIN,
} from "./s3-session.ts";
import { readBody, type S3Response } from "./send-request.ts";

/** Longest page, in bytes. */
const MAX_PAGE = 8 * 1024 * 1024;
/** Longest object when the contract does not capture it: then its own bound does not apply. */
const MAX_UNCAPTURED = 16 * 1024 * 1024;
const PAGE = 1000;

/**
 * One operation on a bucket: an object's content or its head, a bounded listing, or a new object that replaces none.
 * Objects are put with their SHA-256, which is checked again when they are read.
 */
export const s3: Adapter = {
  id: "s3",
  version: "1.1.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  async run(call) {
    const asked = call.with as S3Parameters;
    const state = { phase: "connect" };
    try {
      const session = openSession(call, asked, state);
      if ("code" in session) return { ok: false, fault: session };
      switch (asked.operation) {
        case "list":
          return await list(session);
        case "put":
          return await put(session);
        default:
          return await read(session, asked.operation);
      }
    } catch (error) {
      if (error instanceof S3Failed) return { ok: false, fault: error.fault };
      return { ok: false, fault: faultOf(error, state.phase, call.signal) };
    }
  },
};

async function read(session: Session, operation: "get" | "head"): Promise<AdapterOutcome> {
  const { asked, call, url } = session;
  if (asked.versionId !== undefined) url.searchParams.set("versionId", asked.versionId);
  const method = operation === "get" ? "GET" : "HEAD";
  const headers = { "x-amz-checksum-mode": "ENABLED", "accept-encoding": "identity" };
  const response = await session.send({ method, url, headers, body: undefined });
  const stored = storedDigest(response);
  const facts = factsOf(session, response);
  if (operation === "head") {
    response.message.resume();
    const found = response.status === 200;
    const size = found ? Number(response.header("content-length") ?? "0") : null;
    return {
      ok: true,
      result: {
        ...facts,
        found,
        deleteMarker: isDeleteMarker(response),
        size,
        sha256: found ? stored.sha256 : null,
        verified: false,
      },
    };
  }
  const writer = call.capture.wants("object")
    ? call.capture.open("object", { source: "s3 object", mediaType: "application/octet-stream" })
    : undefined;
  const hash = createHash("sha256");
  let size = 0;
  await readBody(
    response,
    writer === undefined ? MAX_UNCAPTURED : Number.POSITIVE_INFINITY,
    async (chunk) => {
      hash.update(chunk);
      size += chunk.length;
      await writer?.write(chunk);
    },
  );
  await writer?.end();
  const sha256 = hash.digest("hex");
  if (stored.sha256 !== null && stored.sha256 !== sha256) {
    const message = "the object's content does not have the SHA-256 that the store keeps with it";
    return failed("CHECKSUM_MISMATCH", message, { stored: stored.sha256, received: sha256 });
  }
  return { ok: true, result: { ...facts, size, sha256, verified: stored.sha256 !== null } };
}

async function put(session: Session): Promise<AdapterOutcome> {
  const { asked, url } = session;
  if ((asked.text === undefined) === (asked.base64 === undefined))
    return { ok: false, fault: prepareFault("PARAMETERS_INVALID", "`put` takes `text` or `base64`") };
  const body = asked.text === undefined ? Buffer.from(asked.base64 ?? "", "base64") : Buffer.from(asked.text);
  const digest = createHash("sha256").update(body).digest();
  const sha256 = digest.toString("hex");
  if (asked.sha256 !== undefined && asked.sha256 !== sha256)
    return {
      ok: false,
      fault: prepareFault("PARAMETERS_INVALID", "the content does not have the SHA-256 that goes with it"),
    };
  const headers: Record<string, string> = {
    "content-type": asked.mediaType ?? "application/octet-stream",
    "x-amz-checksum-sha256": digest.toString("base64"),
    // For stores that know no checksums: so that reading back can compare all the same.
    "x-amz-meta-sha256": sha256,
    ...(asked.overwrite === true ? {} : { "if-none-match": "*" }),
  };
  const response = await session.send({ method: "PUT", url, headers, body });
  const chunks: Uint8Array[] = [];
  await readBody(response, MAX_ERROR, (chunk) => chunks.push(chunk));
  const answer = Buffer.concat(chunks).toString("utf8");
  if (response.header("etag") === null || /<Error[\s>/]/.test(answer)) {
    const message = "the store did not say clearly that it keeps the object; read it back";
    return failed(UNCERTAIN, message, { status: response.status });
  }
  const kept = response.header("x-amz-checksum-sha256");
  if (kept !== null && kept !== digest.toString("base64"))
    return failed("CHECKSUM_MISMATCH", "the store says that it keeps another content", { sent: sha256 });
  return {
    ok: true,
    result: { ...factsOf(session, response), size: body.length, sha256, verified: kept !== null },
  };
}

async function list(session: Session): Promise<AdapterOutcome> {
  const { asked, call, url } = session;
  const { prefix = "", maxKeys = PAGE } = asked;
  const writer = call.capture.wants("listing")
    ? call.capture.open("listing", { source: "s3 listing pages", mediaType: "application/xml" })
    : undefined;
  const objects: JsonObject[] = [];
  let next: string | undefined;
  let more = false;
  let [pages, address] = [0, ""];
  do {
    const page = new URL(url);
    const left = Math.min(PAGE, maxKeys - objects.length);
    const query = { "list-type": "2", "encoding-type": "url", "max-keys": String(left), prefix };
    for (const [name, value] of Object.entries(query)) page.searchParams.set(name, value);
    if (next !== undefined) page.searchParams.set("continuation-token", next);
    const response = await session.send({ method: "GET", url: page, headers: {}, body: undefined });
    address = response.address;
    const chunks: Uint8Array[] = [];
    await readBody(response, MAX_PAGE, (chunk) => chunks.push(chunk));
    const xml = Buffer.concat(chunks);
    await writer?.write(xml);
    const listing = readListing(xml.toString("utf8"), left);
    if (listing === undefined || listing.objects.some(({ key }) => !key.startsWith(prefix)))
      return failed(
        "OUTPUT_UNREADABLE",
        "the store's answer is not the page of a listing that was asked for",
      );
    objects.push(...listing.objects.map((object) => ({ ...object })));
    pages += 1;
    more = listing.more;
    // A page without keys that says there is more would never end.
    next = listing.objects.length === 0 ? undefined : listing.next;
  } while (next !== undefined && objects.length < maxKeys);
  await writer?.end();
  const { bucket } = asked;
  return {
    ok: true,
    result: { address, bucket, prefix, objects, count: objects.length, pages, more },
  };
}

/** The SHA-256 that the store keeps with a whole object: its checksum, or else the metadata that `put` wrote. */
function storedDigest(response: S3Response): { readonly sha256: string | null } {
  const checksum = response.header("x-amz-checksum-sha256");
  // Of an object in parts it is a checksum of checksums, `…-3`.
  if (checksum !== null && /^[A-Za-z0-9+/]{43}=$/.test(checksum))
    return { sha256: Buffer.from(checksum, "base64").toString("hex") };
  const metadata = response.header("x-amz-meta-sha256");
  return { sha256: metadata !== null && /^[0-9a-f]{64}$/.test(metadata) ? metadata : null };
}

function factsOf({ asked }: Session, response: S3Response): JsonObject {
  return {
    address: response.address,
    bucket: asked.bucket,
    key: asked.key ?? null,
    etag: response.header("etag"),
    versionId: response.header("x-amz-version-id"),
    mediaType: response.header("content-type"),
    lastModified: response.header("last-modified"),
    retainUntil: response.header("x-amz-object-lock-retain-until-date"),
  };
}

function failed(code: string, message: string, facts: JsonObject = {}): AdapterOutcome {
  return { ok: false, fault: { code, phase: "response", message, facts } };
}
