import type { OperationParameter } from "../../contract/openapi/operation.ts";
import { isJsonObject, type Json } from "../../format/json.ts";

/** The request cannot be made of these values; nothing was sent. */
export class RequestRefused extends Error {}

/** Percent-encodes all but unreserved characters (RFC 3986 section 2.3). */
export function encode(text: string): string {
  if (!text.isWellFormed()) throw new RequestRefused("a value is not valid Unicode");
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** As `encode`, but leaves those reserved characters that cannot begin another parameter or part of the URL. */
function encodeLoosely(text: string): string {
  return encode(text).replace(/%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/g, (c) => decodeURIComponent(c));
}

function plainText(value: Json, what: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new RequestRefused(`${what} has a value inside that is no text, number or boolean`);
}

/** A value's parts: one, the items of a list, or names and values of an object. */
type Parts =
  | { readonly kind: "one"; readonly text: string }
  | { readonly kind: "list"; readonly texts: readonly string[] }
  | { readonly kind: "object"; readonly pairs: readonly (readonly [string, string])[] };

function partsOf(parameter: OperationParameter, value: Json, spell: (text: string) => string): Parts {
  const what = `${parameter.in} parameter \`${parameter.name}\``;
  if (parameter.json) return { kind: "one", text: spell(JSON.stringify(value)) };
  if (Array.isArray(value))
    return { kind: "list", texts: (value as readonly Json[]).map((item) => spell(plainText(item, what))) };
  if (!isJsonObject(value)) return { kind: "one", text: spell(plainText(value, what)) };
  const pairs = Object.entries(value).filter(([, item]) => item !== null);
  return {
    kind: "object",
    pairs: pairs.map(([name, item]) => [spell(name), spell(plainText(item, what))] as const),
  };
}

/** What takes a path parameter's place in the path. @throws RequestRefused. */
export function pathValue(parameter: OperationParameter, value: Json): string {
  const { style, explode, name } = parameter;
  const parts = partsOf(parameter, value, encode);
  const equal = explode ? "=" : ",";
  const pairs = parts.kind === "object" ? parts.pairs.map((pair) => pair.join(equal)) : [];
  const items = parts.kind === "one" ? [parts.text] : parts.kind === "list" ? parts.texts : pairs;
  if (items.length === 0 || items.every((item) => item === ""))
    throw new RequestRefused(`path parameter \`${name}\` is empty, which would be another path`);
  if (style === "label") return `.${items.join(explode ? "." : ",")}`;
  if (style !== "matrix") return items.join(",");
  if (parts.kind === "object" && explode) return items.map((item) => `;${item}`).join("");
  if (parts.kind === "list" && explode) return items.map((item) => `;${encode(name)}=${item}`).join("");
  return `;${encode(name)}=${items.join(",")}`;
}

/** A query parameter as `name=value` parts, in order; none for an empty list. @throws RequestRefused. */
export function queryParts(parameter: OperationParameter, value: Json): string[] {
  const { style, explode } = parameter;
  const name = encode(parameter.name);
  if (style === "deepObject" && !parameter.json) return deepParts(parameter, name, value);
  const parts = partsOf(parameter, value, parameter.allowReserved ? encodeLoosely : encode);
  if (parts.kind === "one") return [`${name}=${parts.text}`];
  if (parts.kind === "object")
    return explode
      ? parts.pairs.map(([key, item]) => `${key}=${item}`)
      : parts.pairs.length === 0
        ? []
        : [`${name}=${parts.pairs.flat().join(",")}`];
  if (explode) return parts.texts.map((item) => `${name}=${item}`);
  const separator = style === "spaceDelimited" ? "%20" : style === "pipeDelimited" ? "%7C" : ",";
  return parts.texts.length === 0 ? [] : [`${name}=${parts.texts.join(separator)}`];
}

function deepParts(parameter: OperationParameter, name: string, value: Json): string[] {
  if (!isJsonObject(value))
    throw new RequestRefused(`query parameter \`${parameter.name}\` must be an object`);
  return Object.entries(value).flatMap(([key, item]) => {
    if (item === null) return [];
    const inner = `${name}%5B${encode(key)}%5D`;
    if (isJsonObject(item)) return deepParts(parameter, inner, item);
    return [`${inner}=${encode(plainText(item, `query parameter \`${parameter.name}\``))}`];
  });
}

/** A header parameter's value (style `simple`); not encoded, so its caller checks what may stand in a header. */
export function headerValue(parameter: OperationParameter, value: Json): string {
  const parts = partsOf(parameter, value, (text) => text);
  if (parts.kind === "one") return parts.text;
  if (parts.kind === "list") return parts.texts.join(",");
  return parts.pairs.map((pair) => pair.join(parameter.explode ? "=" : ",")).join(",");
}

/** A cookie as `name=value`. @throws RequestRefused for what has no one value. */
export function cookiePart(parameter: OperationParameter, value: Json): string {
  const parts = partsOf(parameter, value, encode);
  if (parts.kind === "one") return `${encode(parameter.name)}=${parts.text}`;
  if (parameter.explode)
    throw new RequestRefused(
      `cookie parameter \`${parameter.name}\` has several values, for which cookies have no form`,
    );
  const texts = parts.kind === "list" ? parts.texts : parts.pairs.flat();
  return `${encode(parameter.name)}=${texts.join(",")}`;
}
