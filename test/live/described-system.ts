import { cpSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { checkSchema } from "../../src/contract/check-schema.ts";
import { pinnedOperation } from "../../src/contract/openapi/draft-openapi-contract.ts";
import { type Operation, operationSchema } from "../../src/contract/openapi/operation.ts";
import { parseContract } from "../../src/contract/parse-contract.ts";
import { hexOf } from "../../src/format/digest.ts";
import type { Json, JsonObject } from "../../src/format/json.ts";
import type { CatalogSample } from "../catalog-sample.ts";
import { makeCertificate, startHttps, startZone } from "../local-servers.ts";
import { generateAnswer, merged } from "./generate-answer.ts";
import type { LiveCall, LiveSystem } from "./live-system.ts";

const root = join(import.meta.dirname, "..", "..");

/** A call, and what of the answer is said rather than generated. */
export interface DescribedCall extends LiveCall {
  /** Default: the first success that the operation describes. */
  readonly status?: number;
  /** Laid over the generated body; for a list, over each of its items. */
  readonly over?: JsonObject;
  /** Another answer to the same call, and what comes of it: called only as a sample. */
  readonly otherwise?: {
    readonly status?: number;
    readonly over?: JsonObject;
    readonly outputs: object;
  };
  /** What the scope gate sees, `kind:value`. */
  readonly subjects: readonly string[];
  /** The operation is called without a credential. */
  readonly anonymous?: boolean;
}

/** A vendor's API as its own description says it. */
export interface Described {
  /** `<vendor> <title> <version>`. */
  readonly name: string;
  /** Digest of the whole description, which each contract names. */
  readonly description: string;
  /** Host that the server answers as. */
  readonly host: string;
  /** Path of the base URL, such as `/v1`. */
  readonly base?: string;
  /** Header that carries the credential, and what must stand in it; default: none is asked for. */
  readonly credential?: { readonly header: string; readonly value: string };
  readonly secrets?: Readonly<Record<string, string>>;
  /** @param port that the server listens on. */
  readonly calls: (port: number) => Readonly<Record<string, DescribedCall>>;
}

/**
 * A system of which only the description is here: its server answers what the pinned operations describe, and refuses
 * what they do not. It shows that a contract fits the description, and nothing about the vendor's service.
 */
export function describedSystem(of: Described): LiveSystem {
  const { name, description, host, secrets = {} } = of;
  const ids = Object.keys(of.calls(443));
  return {
    name: `${name}, description ${description}`,
    checked: "schema",
    contracts: ids,
    missing: () => undefined,
    async start(folder) {
      cpSync(join(root, "operations"), join(folder, "operations"), { recursive: true });
      const operations = new Map(ids.map((id) => [id, operationOf(id, description)]));
      const certificate = await makeCertificate(host);
      const zone = await startZone({ [host]: ["127.0.0.1"] });
      let calls: Readonly<Record<string, DescribedCall>> = {};
      const server = await startHttps(certificate, (request, response) => {
        request.resume();
        const { status, mediaType, body } = answer(of, request, operations, calls);
        if (mediaType !== undefined) response.setHeader("content-type", mediaType);
        response.writeHead(status);
        response.end(body);
      });
      calls = of.calls(server.port);
      return {
        network: { resolvers: [zone.resolver], extraCa: certificate.cert },
        secrets,
        calls,
        async close() {
          await server.close();
          await zone.close();
        },
      };
    },
  };
}

/** The operation that a contract of the catalog pins. @throws Error when it is of another description. */
function operationOf(id: string, description: string): Operation {
  const file = join(root, "catalog", `${id.replace(".", "/")}.yaml`);
  const contract = parseContract(readFileSync(file, "utf8"), { file });
  const digest = pinnedOperation(contract);
  if (digest === undefined || Reflect.get(contract.execution.with, "description") !== `'${description}'`)
    throw new Error(`${id} pins no operation of ${description}`);
  const bytes = readFileSync(join(root, "operations", `${hexOf(digest as `sha256:${string}`)}.json`), "utf8");
  const value = JSON.parse(bytes) as Json;
  if (checkSchema(operationSchema, value).length > 0) throw new Error(`${id} pins no operation`);
  return value as unknown as Operation;
}

interface Answer {
  readonly status: number;
  readonly mediaType?: string;
  readonly body?: string;
}

function answer(
  { base = "", credential }: Described,
  request: IncomingMessage,
  operations: ReadonlyMap<string, Operation>,
  calls: Readonly<Record<string, DescribedCall>>,
): Answer {
  const url = new URL(request.url ?? "", "https://service.example");
  const found = [...operations].find(
    ([, { method, path }]) => method === request.method && pathPattern(base, path).test(url.pathname),
  );
  if (found === undefined) return { status: 404 };
  const [id, operation] = found;
  const call = calls[id];
  const isAsked = credential !== undefined && call?.anonymous !== true;
  if (isAsked && request.headers[credential.header] !== credential.value) return { status: 401 };
  const isKnown = (name: string) =>
    operation.parameters.some((one) => one.in === "query" && one.name === name.replace("[]", ""));
  if ([...url.searchParams.keys()].some((name) => !isKnown(name))) return { status: 400 };
  if (call === undefined) return { status: 404 };
  const { status, mediaType, body } = described(operation, call);
  return body === undefined ? { status } : { status, mediaType, body: JSON.stringify(body) };
}

/** What the description says that the call is answered with. */
function described(operation: Operation, { status: asked, over = {} }: DescribedCall) {
  const success = Object.keys(operation.responses).find((one) => one.startsWith("2"));
  const status = asked ?? Number(success);
  const contents = operation.responses[String(status)]?.content ?? {};
  const mediaType = Object.keys(contents).find((type) => type.startsWith("application/json"));
  if (mediaType === undefined) return { status };
  const made = generateAnswer(contents[mediaType]?.schema as Json, operation.$defs as JsonObject);
  const body = Array.isArray(made) ? (made as Json[]).map((one) => merged(one, over)) : merged(made, over);
  return { status, mediaType, body };
}

/** The calls as samples for the catalog's test, each with the result that the adapter makes of its answer. */
export function samplesOf(of: Described): Readonly<Record<string, readonly CatalogSample[]>> {
  return Object.fromEntries(
    Object.entries(of.calls(443)).map(([id, call]) => {
      const operation = operationOf(id, of.description);
      const { inputs, subjects, otherwise } = call;
      const answers = [call, ...(otherwise === undefined ? [] : [{ ...call, over: {}, ...otherwise }])];
      const samples = answers.map((one) => {
        const { status, body } = described(operation, one);
        const result = {
          status,
          ...(body === undefined ? {} : { body }),
          ...(Array.isArray(body) ? { items: body, pages: { count: 1, complete: true } } : {}),
        } as JsonObject;
        return { inputs, result, outputs: one.outputs as JsonObject, subjects };
      });
      return [id, samples];
    }),
  );
}

function pathPattern(base: string, path: string): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const segments = `${base}${path}`.split(/\{[^}]+\}/).map(literal);
  return new RegExp(`^${segments.join("[^/]+")}$`);
}
