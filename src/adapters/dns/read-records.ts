import type {
  Answer,
  CaaAnswer,
  DecodedPacket,
  DnskeyAnswer,
  DSAnswer,
  MxAnswer,
  SoaAnswer,
  SrvAnswer,
  StringAnswer,
  TlsaAnswer,
  TxtAnswer,
} from "dns-packet";
import type { Json, JsonObject } from "../../format/json.ts";
import { recordTypes, sameName } from "./dns-message.ts";

/** One resource record as results show it. */
export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: Json;
}

/** The records of an answer section that belong to `name`, directly or along its aliases. */
export function readRecords(packet: DecodedPacket, name: string): DnsRecord[] {
  const owners = [name];
  const records: DnsRecord[] = [];
  let left = (packet.answers ?? []).filter(isAnswer);
  // Aliases may stand in any order: go on until nothing is added.
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    left = left.filter((answer) => {
      if (!owners.some((owner) => sameName(owner, answer.name))) return true;
      records.push({
        name: clean(answer.name),
        type: answer.type,
        ttl: answer.ttl ?? 0,
        data: readData(answer),
      });
      if (answer.type === "CNAME") owners.push(answer.data);
      return false;
    });
  }
  return records;
}

type Known =
  | StringAnswer
  | CaaAnswer
  | DnskeyAnswer
  | DSAnswer
  | MxAnswer
  | SoaAnswer
  | SrvAnswer
  | TlsaAnswer
  | TxtAnswer;

function isAnswer(answer: Answer): answer is Known {
  return (recordTypes as readonly string[]).includes(answer.type);
}

function readData(answer: Known): Json {
  switch (answer.type) {
    case "A":
    case "AAAA":
    case "CNAME":
    case "DNAME":
    case "NS":
    case "PTR":
      return clean(answer.data);
    case "TXT":
      return readTexts(answer.data);
    case "MX":
      return { preference: answer.data.preference ?? 0, exchange: clean(answer.data.exchange) };
    case "CAA":
      return { flags: answer.data.flags ?? 0, tag: clean(answer.data.tag), value: clean(answer.data.value) };
    case "SRV": {
      const { priority = 0, weight = 0, port, target } = answer.data;
      return { priority, weight, port, target: clean(target) };
    }
    case "SOA": {
      const { mname, rname, serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 } = answer.data;
      return { mname: clean(mname), rname: clean(rname), serial, refresh, retry, expire, minimum };
    }
    case "DS": {
      const { keyTag, algorithm, digestType, digest } = answer.data;
      return { keyTag, algorithm, digestType, digest: digest.toString("hex") };
    }
    case "DNSKEY": {
      const { flags, algorithm, key } = answer.data;
      return { flags, algorithm, key: key.toString("base64") };
    }
    case "TLSA": {
      const { usage, selector, matchingType, certificate } = answer.data;
      return { usage, selector, matchingType, certificate: certificate.toString("hex") } satisfies JsonObject;
    }
  }
}

/** A TXT record's strings joined (RFC 7208 section 3.3); bytes that are not UTF-8 become U+FFFD. */
function readTexts(data: string | Buffer | (string | Buffer)[]): string {
  const parts = Array.isArray(data) ? data : [data];
  return Buffer.concat(parts.map((part) => Buffer.from(part))).toString("utf8");
}

function clean(text: string): string {
  return text.toWellFormed();
}
