import Type, { type Static } from "typebox";

/** Most pages that one call asks for. */
export const MAX_PAGES = 25;

const values = Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.Unknown()));
const maxPages = Type.Integer({ minimum: 1, maximum: MAX_PAGES });
/** Place in the answer's body, as a JSON pointer (RFC 6901). */
const place = Type.String({ pattern: "^(/[^/]*)*$", maxLength: 500 });
/** Name of a query parameter. */
const into = Type.String({ minLength: 1, maxLength: 200 });

const pagination = Type.Union([
  /** The `Link` header's `rel="next"` (RFC 8288). */
  Type.Object(
    { by: Type.Literal("link"), items: Type.Optional(place), maxPages },
    { additionalProperties: false },
  ),
  /** The next page's URL stands in the body at `from`. */
  Type.Object(
    { by: Type.Literal("url"), from: place, items: Type.Optional(place), maxPages },
    { additionalProperties: false },
  ),
  /** A cursor stands in the body at `from`, and goes into the query parameter `into`. */
  Type.Object(
    { by: Type.Literal("cursor"), from: place, into, items: Type.Optional(place), maxPages },
    { additionalProperties: false },
  ),
  /** `into` counts pages from `start` (default 1), until `items` is empty. */
  Type.Object(
    { by: Type.Literal("page"), into, start: Type.Optional(Type.Integer()), items: place, maxPages },
    { additionalProperties: false },
  ),
  /** `into` counts items from 0, until `items` is empty. */
  Type.Object({ by: Type.Literal("offset"), into, items: place, maxPages }, { additionalProperties: false }),
]);
export type Pagination = Static<typeof pagination>;

/** What the `openapi` adapter takes. */
export const parameters = Type.Object(
  {
    /** Digest of the pinned operation, which lies in the workspace as `operations/<hex>.json`. */
    operation: Type.String({ pattern: "^sha256:[0-9a-f]{64}$" }),
    /** Digest of the vendor's description that the operation was cut from; recorded, not read. */
    description: Type.Optional(Type.String({ pattern: "^sha256:[0-9a-f]{64}$" })),
    /** Base URL; default: the operation's own server. */
    server: Type.Optional(Type.String({ pattern: "^https?://", maxLength: 2000 })),
    path: values,
    query: values,
    header: values,
    cookie: values,
    body: Type.Optional(Type.Unknown()),
    /** Which of the body's media types is sent; default: JSON where it is one of them. */
    mediaType: Type.Optional(Type.String({ minLength: 3, maxLength: 200 })),
    pagination: Type.Optional(pagination),
    /** Statuses from 400 that are answers rather than faults, such as a 404 that says that nothing is there. */
    expectStatus: Type.Optional(Type.Array(Type.Integer({ minimum: 400, maximum: 599 }))),
  },
  { additionalProperties: false },
);
export type OpenapiParameters = Static<typeof parameters>;
