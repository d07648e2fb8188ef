import Type, { type Static } from "typebox";
import type { Adapter, AdapterOutcome, Call, Fault } from "../../adapter/adapter.ts";
import { withFaults } from "../../adapter/fault.ts";
import { hostPort, normalAddress, normalHost } from "../../adapter/host-name.ts";
import { NetworkFault } from "../../adapter/network.ts";
import type { Json, JsonObject } from "../../format/json.ts";
import { askServer, type Server } from "./ask-server.ts";
import { type AskedType, buildQuestion, rcodeOf, readMessage, recordTypes } from "./dns-message.ts";
import { type DnsRecord, readRecords } from "./read-records.ts";

const parameters = Type.Object(
  {
    /** A name; with type PTR a literal address too. */
    name: Type.String({ minLength: 1, maxLength: 255 }),
    types: Type.Array(Type.Enum([...recordTypes]), { minItems: 1, uniqueItems: true }),
    /** `ip:port`, `[ip]:port` or `ip`. Default: the configured resolvers, else the host's. */
    resolver: Type.Optional(Type.String({ minLength: 2, maxLength: 60 })),
  },
  { additionalProperties: false },
);

/** Asks a resolver about one name. `NXDOMAIN` is a result; other response codes and silence are faults. */
export const dns: Adapter = {
  id: "dns",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters,
  run: withFaults("response", lookUp),
};

async function lookUp(call: Call): Promise<AdapterOutcome> {
  const asked = call.with as Static<typeof parameters>;
  const name = questionName(asked.name, asked.types);
  if (name === undefined) return malformed("NAME_MALFORMED", "the name is no host name");
  const servers = (asked.resolver === undefined ? call.network.nameServers : [asked.resolver]).map(serverOf);
  if (servers.length === 0 || servers.includes(undefined)) {
    return malformed("RESOLVER_MALFORMED", "there is no resolver, or it is not an address");
  }
  const log = call.capture.wants("responses")
    ? call.capture.open("responses", { source: "dns responses" })
    : undefined;
  const status: Record<string, string> = {};
  const records: DnsRecord[] = [];
  const answers: Record<string, Json[]> = {};
  let resolver = "";
  for (const type of asked.types as readonly AskedType[]) {
    const answer = await askAny(call, servers as readonly Server[], name, type);
    resolver = hostPort(answer.server.host, answer.server.port);
    for (const message of answer.messages) await log?.write(framed(message));
    const last = answer.messages[answer.messages.length - 1];
    const packet = last === undefined ? undefined : readMessage(last);
    const rcode = packet === undefined ? undefined : rcodeOf(packet);
    if (packet === undefined || (rcode !== "NOERROR" && rcode !== "NXDOMAIN")) {
      await log?.end();
      return { ok: false, fault: answerFault(rcode, type) };
    }
    status[type] = rcode;
    const found = readRecords(packet, name);
    answers[type] = found.filter((record) => record.type === type).map(({ data }) => data);
    // The aliases on the way come with every type; each record is listed once.
    for (const record of found) if (!records.some((known) => sameRecord(known, record))) records.push(record);
  }
  await log?.end();
  return {
    ok: true,
    result: { resolver, status, records: records.map((record) => ({ ...record })), answers } as JsonObject,
  };
}

/** Asks one server after the other while they do not answer. */
async function askAny(
  call: Call,
  servers: readonly Server[],
  name: string,
  type: AskedType,
): Promise<{ server: Server; messages: readonly Uint8Array[] }> {
  for (const [index, server] of servers.entries()) {
    try {
      const messages = await askServer(call.network, server, buildQuestion(name, type), call.signal);
      return { server, messages };
    } catch (error) {
      const last = index === servers.length - 1;
      if (last || call.signal.aborted || !(error instanceof NetworkFault)) throw error;
    }
  }
  throw new NetworkFault("ENOTFOUND", "request", "there is no resolver to ask");
}

function questionName(text: string, types: readonly string[]): string | undefined {
  const address = normalAddress(text);
  if (address === undefined) return normalHost(text);
  return types.length === 1 && types[0] === "PTR" ? reverseName(address) : undefined;
}

/** The name that holds an address's PTR record (RFC 1035 section 3.5, RFC 3596 section 2.5). */
function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  const [head = "", tail = ""] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const groups = [...left, ...new Array<string>(8 - left.length - right.length).fill("0"), ...right];
  const digits = groups.map((group) => group.padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}

function serverOf(text: string): Server | undefined {
  const bare = normalAddress(text);
  if (bare !== undefined) return { host: bare, port: 53 };
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text);
  const host = match?.[1] === undefined ? undefined : normalAddress(match[1]);
  const port = Number(match?.[2]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** RFC 1035 section 4.2.2: a message after its two-byte length. */
function framed(message: Uint8Array): Uint8Array {
  const out = Buffer.alloc(message.length + 2);
  out.writeUInt16BE(message.length);
  out.set(message, 2);
  return out;
}

function sameRecord(a: DnsRecord, b: DnsRecord): boolean {
  return a.type === b.type && a.name === b.name && JSON.stringify(a.data) === JSON.stringify(b.data);
}

function answerFault(rcode: string | undefined, type: string): Fault {
  return rcode === undefined
    ? {
        code: "RESPONSE_MALFORMED",
        phase: "response",
        message: "the answer is no DNS message",
        facts: { type },
      }
    : {
        code: rcode,
        phase: "response",
        message: `the resolver answered \`${rcode}\``,
        facts: { rcode, type },
      };
}

function malformed(code: string, message: string): AdapterOutcome {
  return { ok: false, fault: { code, phase: "request", message } };
}
