import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { openNetwork } from "../adapter/egress/guarded-network.ts";
import { faultOf } from "../adapter/fault.ts";
import { readBody } from "../adapter/http/read-body.ts";
import { parseUrl } from "../adapter/http/request.ts";
import { sendRequest } from "../adapter/http/send-request.ts";
import { type Description, describeOperations } from "../contract/openapi/describe-operations.ts";
import { embedDocuments } from "../contract/openapi/embed-documents.ts";
import { MAX_DESCRIPTION_BYTES, readDescription } from "../contract/openapi/read-description.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { CliError, refused } from "./cli-error.ts";

/** How long one document may take to come, in milliseconds. */
const FETCH_MS = 30_000;

/** A vendor's description, read and ready, with the digest of its bytes. */
export interface LoadedDescription {
  readonly description: Description;
  readonly digest: Digest;
}

/**
 * Reads a description from a file, or from a URL when fetching is allowed; then what its references lead to is read as
 * well: by URL, or from files beside it.
 *
 * @throws OpenapiError, or CliError `REFUSED` or `INPUT_MALFORMED`.
 */
export async function loadDescription(from: string, allowFetch: boolean): Promise<LoadedDescription> {
  const isUrl = /^https?:\/\//i.test(from);
  if (isUrl && !allowFetch)
    throw refused(`\`${from}\` was not fetched`, "save it to a file, or allow it with `--allow-fetch`");
  const base = isUrl ? new URL(from) : pathToFileURL(from);
  const text = isUrl ? await fetchText(base, base) : readFileText(from);
  const read = readDescription(text);
  const folder = isUrl ? undefined : dirname(realpathSync(from));
  const root = allowFetch ? await embedDocuments(read, base, (url) => loadDocument(url, base, folder)) : read;
  return { description: describeOperations(root), digest: digestOf(text) };
}

function readFileText(path: string): string {
  if (existsSync(path) && statSync(path).size > MAX_DESCRIPTION_BYTES)
    throw new CliError({
      code: "INPUT_MALFORMED",
      message: `\`${path}\` is larger than 32 MiB`,
      hint: "cut it down",
    });
  return readFileSync(path, "utf8");
}

/** A document that a reference leads to: by URL, or a file in the description's own folder. */
async function loadDocument(url: URL, base: URL, folder: string | undefined): Promise<string> {
  if (url.protocol === "http:" || url.protocol === "https:") return fetchText(url, base);
  if (url.protocol !== "file:" || folder === undefined)
    throw refused(`\`${url.href}\` is not read`, "http and https URLs are");
  const path = fileURLToPath(url);
  if (existsSync(path) && !realpathSync(path).startsWith(folder + sep))
    throw refused(`\`${path}\` is outside the description's folder`, "bundle the description into one file");
  return readFileText(path);
}

/**
 * Fetches through the egress guard.
 *
 * @param base what the person named: only that host may be an address of a private network, a reference never is.
 */
async function fetchText(url: URL, base: URL): Promise<string> {
  const checked = parseUrl(url.href);
  if (checked === undefined)
    throw refused(`\`${url.href}\` is no http or https URL without user and password`);
  const host = checked.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(checked.port) || (checked.protocol === "https:" ? 443 : 80);
  const network = openNetwork({
    endpoints: [{ host, port, protocol: "tcp" }],
    include: url.host === base.host ? [`host:${host}`] : [],
    exclude: [],
    resolvers: [],
  });
  const signal = AbortSignal.timeout(FETCH_MS);
  try {
    const headers = new Map([
      ["accept", "application/json, application/yaml, */*"],
      ["accept-encoding", "identity"],
      ["user-agent", "witnessops"],
    ]);
    const request = {
      method: "GET",
      url: checked,
      headers,
      body: undefined,
      secrets: [],
      requireTrusted: true,
    };
    const response = await sendRequest(network, request, { redirected: false, signal });
    const location = response.headers.get("location");
    if (response.status >= 300 && location !== undefined)
      throw refused(
        `\`${url.href}\` redirects to \`${location}\``,
        "name that URL, if it is the one you mean",
      );
    if (response.status !== 200) throw refused(`\`${url.href}\` answered with status ${response.status}`);
    const nothing = {
      wants: () => false,
      open: () => {
        throw new TypeError("nothing is captured here");
      },
    };
    const body = await readBody(response.message, response.headers, nothing, {
      maxText: MAX_DESCRIPTION_BYTES,
    });
    if (body.text !== undefined) return body.text;
    throw refused(`what \`${url.href}\` answered is no text, or larger than 32 MiB`);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw refused(`\`${url.href}\` could not be fetched: ${faultOf(error, "response", signal).message}`);
  } finally {
    network.close();
  }
}
