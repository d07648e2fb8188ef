import type { JsonObject } from "../../format/json.ts";
import { DECIDE } from "../undecided.ts";

/** What a contract of an adapter usually says, before anybody has decided anything. */
export interface Skeleton {
  /** What is asked for as the one thing that makes the call this call. */
  readonly call: string;
  readonly inputs: { readonly required: readonly string[]; readonly properties: JsonObject };
  readonly outputs: { readonly required: readonly string[]; readonly properties: JsonObject };
  readonly errors: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
  /** @param call what somebody said of it; a CEL string literal, or what is to be decided. */
  with(call: string): JsonObject;
  readonly mapped: JsonObject;
  readonly timeout: string;
  readonly secrets?: (system: string) => readonly JsonObject[];
  readonly artifacts: readonly JsonObject[];
  readonly maxBytes: string;
  readonly transport: string;
  /** Further members of `execution`. */
  readonly execution?: JsonObject;
}

export const host: JsonObject = {
  type: "string",
  description: "name or address of the server",
  minLength: 1,
  maxLength: 253,
  pattern: "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$",
};
export const text: JsonObject = { type: "string" };
export const port = (usual: number): JsonObject => ({
  type: "integer",
  minimum: 1,
  maximum: 65_535,
  default: usual,
});
export const place: JsonObject = { host: "inputs.host", port: "inputs.port" };

/** An artifact that an adapter offers. */
export const artifact = (name: string, mediaType: string): JsonObject => ({
  name,
  mediaType,
  required: true,
  sensitivity: "internal",
});

const error = (name: string, side: string, when: string, meaning: string): JsonObject => ({
  class: name,
  side,
  retryable: false,
  when,
  meaning,
});
export const externalError = (name: string, when: string, meaning: string): JsonObject =>
  error(name, "external", when, meaning);
export const operatorError = (name: string, when: string, meaning: string): JsonObject =>
  error(name, "operator", when, meaning);

/** What goes wrong before a server has said anything. */
export const connectErrors: readonly JsonObject[] = [
  externalError(
    "NAME_UNRESOLVED",
    "error.phase == 'resolve' && error.code != 'TIMEOUT'",
    "no resolver gave an address for the host",
  ),
  externalError(
    "CONNECT_FAILED",
    "error.phase == 'connect' && error.code in ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET']",
    "no connection came about",
  ),
];
export const tlsError = externalError(
  "TLS_HANDSHAKE",
  "error.phase == 'tls' && error.code != 'TIMEOUT'",
  "the peer did not complete a TLS handshake, or its certificate is not trusted",
);

/** A secret by reference, from a variable that is named after the system. */
export const secret =
  (name: string, into: JsonObject) =>
  (system: string): readonly JsonObject[] => [
    { name, ref: `env:${`${system}_${name}`.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`, into },
  ];

/** What nobody has said. */
export const decide = (what: string): string => `${DECIDE} ${what}`;
