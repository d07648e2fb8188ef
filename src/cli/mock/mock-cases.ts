import type { RequestListener } from "node:http";
import type { Operation } from "../../contract/openapi/operation.ts";
import { isJsonType } from "../../contract/openapi/slice-operation.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import type { Generator } from "./load-generator.ts";
import type { Meeting } from "./mock-network.ts";

/** One way in which the described service can meet a call. */
export interface MockCase {
  readonly name: string;
  /**
   * `success`: the description says so, and the contract must map it; `error`: the description names it; `unasked`: another
   * form of a success than the JSON that is asked for.
   */
  readonly kind: "success" | "error" | "unasked" | "undescribed" | "transport" | "definition";
  readonly meeting: Meeting;
  /** The pinned operation is not in the workspace. */
  readonly isUndefined?: boolean;
}

/** How many values are generated for each answer that the description has. */
const SEEDS = [1, 2, 3];
/** What services answer that do not say so. */
const COMMON = [400, 401, 403, 404, 409, 422, 429, 500, 503];

/**
 * What is tried with a contract of an operation: every answer that its description has, with bodies generated from its
 * schemas, the usual errors, an answer that does not fit, and connections that fail.
 *
 * @throws CliError `REFUSED` for a schema that the generator makes nothing of.
 */
export function mockCases(operation: Operation, generator: Generator): MockCase[] {
  const described = Object.entries(operation.responses).flatMap(([key, { content = {} }]) => {
    const status = statusOf(key, operation);
    const kind = status < 400 ? ("success" as const) : ("error" as const);
    const types = Object.entries(content);
    if (types.length === 0 || operation.method === "HEAD" || status === 204)
      return [{ name: String(status), kind, meeting: { listener: answer(status) } }];
    return types.flatMap(([type, { schema }]) =>
      (isJsonType(type) && schema !== undefined ? SEEDS : [1]).map((seed): MockCase => {
        const body = bodyOf(type, schema as Json | undefined, operation, generator, seed);
        const name = `${status} ${type}${seed === 1 ? "" : `, value ${seed}`}`;
        const isAsked = isJsonType(type) || !types.some(([other]) => isJsonType(other));
        const meeting = { listener: answer(status, type, body) };
        return { name, kind: kind === "success" && !isAsked ? "unasked" : kind, meeting };
      }),
    );
  });
  const known = new Set(Object.keys(operation.responses).map((key) => statusOf(key, operation)));
  const other = COMMON.filter((status) => !known.has(status)).map(
    (status): MockCase => ({
      name: String(status),
      kind: "undescribed",
      meeting: { listener: answer(status, "application/json", '{"message":"mock"}') },
    }),
  );
  return [...described, ...other, ...TRANSPORT];
}

const TRANSPORT: readonly MockCase[] = [
  { name: "an answer that is not described", kind: "undescribed", meeting: { listener: answer(299) } },
  { name: "no name", kind: "transport", meeting: { code: "ENOTFOUND", phase: "resolve" } },
  { name: "no connection", kind: "transport", meeting: { code: "ECONNREFUSED", phase: "connect" } },
  { name: "no route", kind: "transport", meeting: { code: "ETIMEDOUT", phase: "connect" } },
  {
    name: "no trusted certificate",
    kind: "transport",
    meeting: { code: "DEPTH_ZERO_SELF_SIGNED_CERT", phase: "tls" },
  },
  {
    name: "a connection that breaks",
    kind: "transport",
    meeting: { listener: (request) => request.socket.destroy() },
  },
  {
    name: "the pinned operation is gone",
    kind: "definition",
    meeting: { listener: answer(500) },
    isUndefined: true,
  },
];

/** The first success that an operation describes, for the call by which a doubt is read back. */
export function firstSuccess(operation: Operation, generator: Generator): RequestListener {
  const found = mockCases(operation, generator).find(({ kind }) => kind === "success");
  return found !== undefined && "listener" in found.meeting ? found.meeting.listener : answer(404);
}

/** `4XX` is 400; `default` is what the description else leaves open. */
function statusOf(key: string, { responses }: Operation): number {
  if (key !== "default") return Number(key.replaceAll("X", "0"));
  return Object.keys(responses).some((one) => one.startsWith("2")) ? 500 : 200;
}

function bodyOf(
  type: string,
  schema: Json | undefined,
  { $defs }: Operation,
  generator: Generator,
  seed: number,
): string {
  if (!isJsonType(type) || schema === undefined) return type.startsWith("text/") ? "mock" : "";
  const whole = isJsonObject(schema) ? ({ ...schema, $defs } as JsonObject) : schema;
  return JSON.stringify(generator.generate(whole, seed));
}

function answer(status: number, type?: string, body?: string): RequestListener {
  return (request, response) => {
    request.resume();
    request.once("end", () => {
      const headers =
        type === undefined ? {} : { "content-type": type.replace("*/*", "application/octet-stream") };
      response.writeHead(status, { ...headers, connection: "close" }).end(body);
    });
  };
}
