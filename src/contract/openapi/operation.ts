import Type, { type Static } from "typebox";

const closed = { additionalProperties: false } as const;
const schema = Type.Union([Type.Boolean(), Type.Record(Type.String(), Type.Unknown())]);
const note = Type.Optional(Type.String());

const parameter = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    in: Type.Enum(["path", "query", "header", "cookie"]),
    required: Type.Boolean(),
    style: Type.Enum(["simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "deepObject"]),
    explode: Type.Boolean(),
    allowReserved: Type.Boolean(),
    /** The value is sent as JSON text rather than in a style. */
    json: Type.Boolean(),
    schema,
    description: note,
  },
  closed,
);

const content = Type.Record(
  Type.String({ minLength: 1 }),
  Type.Object({ schema: Type.Optional(schema) }, closed),
);

const scheme = Type.Object(
  {
    type: Type.Enum(["apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"]),
    in: Type.Optional(Type.Enum(["header", "query", "cookie"])),
    name: Type.Optional(Type.String()),
    scheme: Type.Optional(Type.String()),
  },
  closed,
);

/**
 * One operation of an OpenAPI description with everything that it refers to, and nothing else (`spec/contract.md`):
 * what a contract pins by digest, what a call is built from and an answer is held against. Schemas are JSON Schema
 * 2020-12, their references `#/$defs/…`.
 */
export const operationSchema = Type.Object(
  {
    format: Type.Literal("witnessops/openapi-operation/v1"),
    /** Title of the description. */
    api: Type.String(),
    method: Type.Enum(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]),
    /** Template as in the description, such as `/pets/{petId}`. */
    path: Type.String({ pattern: "^/" }),
    operationId: note,
    summary: note,
    description: note,
    deprecated: Type.Boolean(),
    /** Base URL of the first server, when it is absolute and has no variables. */
    server: Type.Union([Type.String(), Type.Null()]),
    /** Sorted by place and name. */
    parameters: Type.Array(parameter),
    body: Type.Optional(Type.Object({ required: Type.Boolean(), content }, closed)),
    /** By status: `200`, `4XX`, `default`. */
    responses: Type.Record(
      Type.String({ pattern: "^([1-5][0-9X]{2}|default)$" }),
      Type.Object({ description: note, content: Type.Optional(content) }, closed),
    ),
    /** Any one of these combinations of schemes is enough; none at all when empty. */
    security: Type.Array(Type.Array(Type.String())),
    schemes: Type.Record(Type.String(), scheme),
    $defs: Type.Record(Type.String(), schema),
  },
  closed,
);

export type Operation = Static<typeof operationSchema>;
export type OperationParameter = Static<typeof parameter>;
export type OperationContent = Static<typeof content>;
export type SecurityScheme = Static<typeof scheme>;

/** `METHOD path`, as a contract's author names an operation. */
export function operationName({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path}`;
}
