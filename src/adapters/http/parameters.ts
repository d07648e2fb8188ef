import Type, { type Static } from "typebox";

const scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

/** What the `http` adapter takes. At most one of `json`, `form` and `body`. */
export const parameters = Type.Object(
  {
    method: Type.Optional(Type.Enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])),
    url: Type.String({ minLength: 1, maxLength: 8192 }),
    headers: Type.Optional(Type.Record(Type.String({ minLength: 1, maxLength: 200 }), scalar)),
    query: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.Union([scalar, Type.Array(scalar), Type.Null()])),
    ),
    json: Type.Optional(Type.Unknown()),
    form: Type.Optional(Type.Record(Type.String({ minLength: 1 }), scalar)),
    body: Type.Optional(Type.String()),
    followRedirects: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
    /**
     * Whether an untrusted certificate is a fault rather than a fact of the result. Default: only when a body
     * is sent. A request with secrets always needs a trusted peer.
     */
    requireTrusted: Type.Optional(Type.Boolean()),
    expectStatus: Type.Optional(Type.Array(Type.Integer({ minimum: 100, maximum: 599 }))),
  },
  { additionalProperties: false },
);
export type HttpParameters = Static<typeof parameters>;
