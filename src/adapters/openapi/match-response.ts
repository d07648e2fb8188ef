import type { BodyResult } from "../../adapter/http/read-body.ts";
import type { Operation, OperationContent } from "../../contract/openapi/operation.ts";
import { isJsonType } from "../../contract/openapi/slice-operation.ts";
import type { Json } from "../../format/json.ts";
import type { Misfit, OperationCheck } from "./check-value.ts";

/** The response of a description that an answer is held against. */
export interface Matched {
  /** `200`, `4XX` or `default`. */
  readonly key: string;
  readonly content: OperationContent | undefined;
}

/** An answer's body: fit for its schema, or how it is not. */
export type CheckedBody =
  | { readonly ok: true; readonly body?: Json }
  | { readonly ok: false; readonly misfits: readonly Misfit[] };

/** The response that describes a status: the exact one, then the range, then `default`. */
export function matchStatus({ responses }: Operation, status: number): Matched | undefined {
  const key = [String(status), `${Math.floor(status / 100)}XX`, "default"].find((name) =>
    Object.hasOwn(responses, name),
  );
  return key === undefined ? undefined : { key, content: responses[key]?.content };
}

/** The media type of a `Content-Type` header, lower case and without its parameters. */
export function mediaTypeOf(header: string | undefined): string {
  return (header ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The description of a media type: the exact one, one with parameters, then `type/*`, then all. */
function matchContent(content: OperationContent, mediaType: string): OperationContent[string] | undefined {
  const plain = Object.entries(content).map(([name, media]) => [mediaTypeOf(name), media] as const);
  const wanted = [mediaType, `${mediaType.split("/", 1)[0]}/*`, "*/*"];
  for (const name of wanted) {
    const found = plain.find(([known]) => known === name);
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** Holds a body against what the description says of it. A body that is not described is captured, and not a result. */
export function checkBody(
  matched: Matched,
  contentType: string | undefined,
  received: BodyResult,
  hasBody: boolean,
  check: OperationCheck,
): CheckedBody {
  if (matched.content === undefined || !hasBody) return { ok: true };
  const mediaType = mediaTypeOf(contentType);
  const media = matchContent(matched.content, mediaType);
  if (media === undefined) {
    const named = Object.keys(matched.content).map((type) => `\`${type}\``);
    return misfit(`is \`${mediaType}\`, and ${named.join(" or ")} is described`);
  }
  const schema = media.schema as Json | undefined;
  if (!isJsonType(mediaType)) {
    if (received.text === undefined || !mediaType.startsWith("text/")) return { ok: true };
    const misfits = schema === undefined ? [] : check("response", schema, received.text);
    return misfits.length > 0 ? { ok: false, misfits } : { ok: true, body: received.text };
  }
  if (received.json === undefined) return misfit("is no JSON that can be recorded");
  const misfits = schema === undefined ? [] : check("response", schema, received.json);
  return misfits.length > 0 ? { ok: false, misfits } : { ok: true, body: received.json };
}

function misfit(message: string): CheckedBody {
  return { ok: false, misfits: [{ path: "", message }] };
}
