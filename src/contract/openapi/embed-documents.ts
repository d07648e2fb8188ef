import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { OpenapiError } from "./openapi-error.ts";
import { readDescription } from "./read-description.ts";
import { pointerOf } from "./references.ts";

/** Most documents that one description may lead to. */
const MAX_DOCUMENTS = 50;
/** Where they are put: an extension, which no description has by itself. */
const PLACE = "x-witnessops-documents";

/**
 * Puts the documents that a description's references lead to inside it, so that every reference stays within.
 *
 * @param base where the description is, which relative references are relative to.
 * @param load the text of a document; it decides what may be read.
 * @throws OpenapiError, and whatever `load` throws.
 */
export async function embedDocuments(
  root: JsonObject,
  base: URL,
  load: (url: URL) => Promise<string>,
): Promise<JsonObject> {
  const documents = new Map<string, JsonObject>();
  const todo: URL[] = [];
  const here = withoutHash(base);

  /** The same value with its references pointing to where the documents are put. */
  function rewrite(value: Json, owner: URL): Json {
    if (Array.isArray(value)) return value.map((item) => rewrite(item, owner));
    if (!isJsonObject(value)) return value;
    const entries = Object.entries(value).map(([name, child]) => {
      if (name === "$ref" && typeof child === "string") return [name, placeOf(child, owner)] as const;
      return [name, name === "example" ? child : rewrite(child, owner)] as const;
    });
    return Object.fromEntries(entries);
  }

  function placeOf(ref: string, owner: URL): string {
    const target = URL.parse(ref, owner);
    if (target === null)
      throw new OpenapiError({
        code: "REFERENCE_REFUSED",
        message: `\`$ref\` \`${ref.slice(0, 200)}\` is no address`,
      });
    const { hash } = target;
    const document = withoutHash(target);
    if (document === here) return hash === "" ? "#" : hash;
    if (!documents.has(document)) {
      if (documents.size >= MAX_DOCUMENTS)
        throw new OpenapiError({
          code: "REFERENCE_REFUSED",
          message: `the description leads to more than ${MAX_DOCUMENTS} documents`,
          hint: "bundle it into one file",
        });
      documents.set(document, {});
      todo.push(new URL(document));
    }
    return `#${encodeURI(pointerOf([PLACE, document]))}${hash.slice(1)}`;
  }

  const whole = rewrite(root, base) as JsonObject;
  for (let next = todo.pop(); next !== undefined; next = todo.pop())
    documents.set(next.href, rewrite(readDescription(await load(next)), next) as JsonObject);
  return documents.size === 0 ? whole : { ...whole, [PLACE]: Object.fromEntries(documents) };
}

function withoutHash(url: URL): string {
  const plain = new URL(url);
  plain.hash = "";
  return plain.href;
}
