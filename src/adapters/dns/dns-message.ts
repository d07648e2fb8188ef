import { randomInt } from "node:crypto";
import { type DecodedPacket, decode, encode, type Question, type RecordType } from "dns-packet";

/** Record types that can be asked for. */
export const recordTypes = [
  "A",
  "AAAA",
  "CAA",
  "CNAME",
  "DNSKEY",
  "DS",
  "MX",
  "NS",
  "PTR",
  "SOA",
  "SRV",
  "TLSA",
  "TXT",
] as const satisfies readonly RecordType[];
export type AskedType = (typeof recordTypes)[number];

/** One DNS question as a message, and the test that an answer must pass. */
export interface DnsQuestion {
  readonly message: Uint8Array;
  /** Whether a message answers this question: same id, a response, and the same question when readable. */
  answers(message: Uint8Array): boolean;
}

/** Builds a question (RFC 1035) with a random id, recursion desired and EDNS (RFC 6891) for 1,232 bytes. */
export function buildQuestion(name: string, type: AskedType): DnsQuestion {
  const id = randomInt(0x10000);
  const message = encode({
    type: "query",
    id,
    // RD, RFC 1035 section 4.1.1.
    flags: 0x0100,
    questions: [{ type, name, class: "IN" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  return {
    message,
    answers(answer) {
      const view = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
      if (view.length < 12 || view.readUInt16BE(0) !== id || (view.readUInt8(2) & 0x80) === 0) return false;
      const packet = readMessage(answer);
      // What cannot be read came from the server that was asked, with our id: it is its answer.
      return packet === undefined || repeatsQuestion(packet, name, type);
    },
  };
}

/** Decodes a message; undefined when it is malformed. */
export function readMessage(message: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(message));
  } catch {
    return undefined;
  }
}

/** Some servers leave the question out of an error. */
function repeatsQuestion(packet: DecodedPacket, name: string, type: string): boolean {
  const questions: readonly Question[] = packet.questions ?? [];
  if (questions.length === 0) return rcodeOf(packet) !== "NOERROR";
  const [question] = questions;
  return questions.length === 1 && question?.type === type && sameName(question.name, name);
}

/** Names compare without case and trailing dot. */
export function sameName(a: string, b: string): boolean {
  return a.replace(/\.$/, "").toLowerCase() === b.replace(/\.$/, "").toLowerCase();
}

/** The response code by its name, e.g. `NXDOMAIN`. */
export function rcodeOf(packet: DecodedPacket): string {
  const rcode = Reflect.get(packet, "rcode");
  return typeof rcode === "string" ? rcode : "RCODE_UNKNOWN";
}
