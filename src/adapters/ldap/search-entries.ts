import type { AdapterOutcome, Call } from "../../adapter/adapter.ts";
import { canonicalJson } from "../../format/canonical-json.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { BerMalformed } from "./ber.ts";
import { bindDn } from "./bind-values.ts";
import { encodeFilter } from "./encode-filter.ts";
import {
  ANSWER,
  type Attribute,
  decodeEntry,
  decodeReferrals,
  decodeResult,
  nextPage,
  pagedControl,
} from "./ldap-message.ts";
import { searchRequest } from "./ldap-request.ts";
import { faultOfResult, type Session } from "./log-in.ts";
import type { SearchParameters } from "./parameters.ts";

/** How much of the entries stands in the result, in bytes of canonical JSON; all of them are in the artifact `entries`. */
const MAX_RESULT = 256 * 1024;
const MAX_REFERRALS = 100;
/** Pages in a row that bring nothing; a server that sends more never ends. */
const MAX_EMPTY_PAGES = 20;

/** The request of a search, the same for each page. @throws TextRefused. */
export function prepareSearch(asked: SearchParameters): Buffer {
  const { values = {}, scope = "subtree", attributes, maxEntries = 1000, timeLimitSeconds = 30 } = asked;
  const base = bindDn(asked.base, values);
  const filter = encodeFilter(asked.filter, values);
  // One more than is kept says whether there were more.
  return searchRequest({ base, scope, sizeLimit: maxEntries + 1, timeLimitSeconds, filter, attributes });
}

/**
 * Searches, page by page (RFC 2696), up to the bound on entries. Each entry is captured as one line of canonical JSON.
 * Referrals are reported and never followed.
 *
 * @throws BerMalformed, NetworkFault, CaptureRefused.
 */
export async function searchEntries(
  call: Call,
  session: Session,
  asked: SearchParameters,
  request: Buffer,
): Promise<AdapterOutcome> {
  const { maxEntries = 1000, pageSize = 500 } = asked;
  const writer = call.capture.wants("entries")
    ? call.capture.open("entries", { source: "ldap entries", mediaType: "application/x-ndjson" })
    : undefined;
  const names = new Map(asked.attributes.map((name) => [name.toLowerCase(), name]));
  const kept: JsonObject[] = [];
  const referrals: string[] = [];
  let [count, size, more, emptyPages] = [0, 0, false, 0];
  let cookie: Buffer = Buffer.alloc(0);
  do {
    const page = Math.min(pageSize, maxEntries + 1 - count);
    const id = session.send(request, pagedControl(page, cookie));
    const before = count + referrals.length;
    for (;;) {
      const { tag, body, controls } = await session.next(id);
      if (tag === ANSWER.reference) {
        if (referrals.length < MAX_REFERRALS) referrals.push(...decodeReferrals(body));
        else throw new BerMalformed(`more than ${MAX_REFERRALS} referrals`);
        continue;
      }
      if (tag === ANSWER.searchDone) {
        const result = decodeResult(body);
        if (result.resultCode !== 0) return { ok: false, fault: faultOfResult(result, "response") };
        cookie = nextPage(controls);
        break;
      }
      if (tag !== ANSWER.entry) throw new BerMalformed(`an answer of type ${tag} to a search`);
      if (count === maxEntries) {
        more = true;
        break;
      }
      const entry = entryOf(decodeEntry(body), names);
      const line = `${canonicalJson(entry)}\n`;
      await writer?.write(new TextEncoder().encode(line));
      size += line.length;
      if (size <= MAX_RESULT) kept.push(entry);
      count += 1;
    }
    emptyPages = count + referrals.length === before ? emptyPages + 1 : 0;
    if (emptyPages > MAX_EMPTY_PAGES)
      throw new BerMalformed(`${emptyPages} pages in a row with nothing in them`);
  } while (cookie.length > 0 && !more);
  await writer?.end();
  const whole = kept.length === count;
  return { ok: true, result: { entries: kept, count, more, whole, referrals } };
}

/**
 * An entry as JSON: attributes by the name that was asked for, in the order in which they came; each with its values,
 * texts as such and what is no UTF-8 as `{base64}`.
 */
function entryOf(
  { dn, attributes }: { readonly dn: string; readonly attributes: readonly Attribute[] },
  names: ReadonlyMap<string, string>,
): JsonObject {
  const found = new Map<string, Json>();
  for (const { name, values } of attributes) {
    const key = names.get(name.toLowerCase()) ?? name.toWellFormed();
    if (found.has(key)) throw new BerMalformed("an entry with one attribute twice");
    found.set(key, values.map(jsonOfValue));
  }
  return { dn: dn.toWellFormed(), attributes: Object.fromEntries(found) };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function jsonOfValue(bytes: Buffer): Json {
  try {
    return decoder.decode(bytes);
  } catch {
    return { base64: bytes.toString("base64") };
  }
}
