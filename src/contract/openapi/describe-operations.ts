import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { type Dialect, type SchemaConverter, schemaConverter } from "./convert-schema.ts";
import { convertSwagger } from "./convert-swagger.ts";
import { malformed, OpenapiError } from "./openapi-error.ts";
import { follow, objectAt, pointerOf, textAt } from "./references.ts";

/** An operation as the description lists it, not yet cut out. */
export interface ListedOperation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string | undefined;
  readonly value: JsonObject;
  readonly pointer: string;
  /** The path item that it belongs to: parameters and servers for all of its operations. */
  readonly item: JsonObject;
  readonly itemPointer: string;
}

/** A description ready to be cut into operations. */
export interface Description {
  readonly title: string;
  /** What it is: `3.0.3`, `3.1.0`, or `2.0`, which was converted. */
  readonly version: string;
  readonly root: JsonObject;
  readonly operations: readonly ListedOperation[];
  readonly schemas: SchemaConverter;
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/** Opens a description that was read. @throws OpenapiError. */
export function describeOperations(value: JsonObject): Description {
  const version = versionOf(value);
  const root = version === "2.0" ? convertSwagger(value) : value;
  const dialect: Dialect = version.startsWith("3.1") ? "3.1" : "3.0";
  const operations: ListedOperation[] = [];
  for (const [path, raw] of Object.entries(objectAt(root, "paths", ""))) {
    if (!path.startsWith("/")) {
      if (path.startsWith("x-")) continue;
      throw malformed(pointerOf(["paths", path]), "must begin with `/`");
    }
    const { value: item, pointer: itemPointer } = follow(root, raw, pointerOf(["paths", path]));
    if (!isJsonObject(item)) throw malformed(pointerOf(["paths", path]), "must be an object");
    for (const method of METHODS) {
      const operation = Object.hasOwn(item, method) ? item[method] : undefined;
      if (operation === undefined) continue;
      const pointer = `${itemPointer}/${method}`;
      if (!isJsonObject(operation)) throw malformed(pointer, "must be an object");
      const operationId = textAt(operation, "operationId");
      operations.push({
        method: method.toUpperCase(),
        path,
        operationId,
        value: operation,
        pointer,
        item,
        itemPointer,
      });
    }
  }
  if (operations.length === 0) throw malformed("/paths", "has no operation");
  const title = textAt(objectAt(root, "info", ""), "title") ?? "untitled";
  return { title, version, root, operations, schemas: schemaConverter(root, dialect) };
}

function versionOf(value: JsonObject): string {
  for (const name of ["openapi", "swagger"] as const) {
    if (!Object.hasOwn(value, name)) continue;
    const version = value[name];
    if (typeof version !== "string") {
      const shown = `${JSON.stringify(version)}`.slice(0, 40);
      throw malformed(
        "",
        `says \`${name}: ${shown}\`, which is no text`,
        `write it in quotes: \`${name}: "${name === "swagger" ? "2.0" : "3.0.3"}"\``,
      );
    }
    if (name === "swagger" ? version === "2.0" : /^3\.[01](\.\d+)?(-.*)?$/.test(version)) return version;
    throw new OpenapiError({
      code: "DESCRIPTION_UNSUPPORTED",
      message: `\`${name}: ${version.slice(0, 40)}\` is not read`,
      hint: "OpenAPI 3.0 and 3.1 are, and Swagger 2.0",
    });
  }
  throw malformed(
    "",
    "has neither `openapi` nor `swagger`",
    'an OpenAPI description begins with `openapi: "3.1.0"`',
  );
}

/**
 * The operations that a person asked for, each by its `operationId` or as `METHOD path`; all of them when nobody asked.
 *
 * @throws OpenapiError `DESCRIPTION_MALFORMED` for a name that is nobody's, or two operations'.
 */
export function selectOperations(
  { operations }: Description,
  names: readonly string[],
): readonly ListedOperation[] {
  const byId = Map.groupBy(operations, ({ operationId }) => operationId ?? "");
  if (names.length === 0) {
    const twice = [...byId].filter(([id, list]) => id !== "" && list.length > 1);
    const [first] = twice;
    if (first !== undefined) throw ambiguous(...first);
    return operations;
  }
  return names.map((name) => {
    const [method = "", path] = name.trim().split(/\s+/, 2);
    const named = operations.find((one) => one.method === method.toUpperCase() && one.path === path);
    if (named !== undefined) return named;
    const list = byId.get(name) ?? [];
    const [only] = name === "" ? [] : list;
    if (only === undefined)
      throw malformed(
        "",
        `has no operation \`${name.slice(0, 100)}\``,
        "name it by its `operationId`, or as `GET /path`",
      );
    if (list.length > 1) throw ambiguous(name, list);
    return only;
  });
}

function ambiguous(id: string, list: readonly ListedOperation[]): OpenapiError {
  const places = list.map(({ method, path }) => `\`${method} ${path}\``).join(" and ");
  return malformed(
    "",
    `gives \`operationId\` \`${id.slice(0, 100)}\` to ${places}`,
    "name one with `--operation 'METHOD /path'`",
  );
}
