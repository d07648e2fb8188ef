import dns2 from "dns2";

/** Records by lower-case name and type; a name that is missing does not exist. */
export type Zone = Readonly<Record<string, Readonly<Record<string, readonly object[]>>>>;

/** A DNS responder on loopback, UDP and TCP on one port. */
export interface DnsResponder {
  /** `127.0.0.1:port`. */
  readonly resolver: string;
  close(): Promise<void>;
}

type Handle = NonNullable<NonNullable<Parameters<typeof dns2.createServer>[0]>["handle"]>;

/** Starts a responder that answers from the zone with authority over it. */
export async function startDns(zone: Zone): Promise<DnsResponder> {
  const types: Readonly<Record<string, number>> = dns2.Packet.TYPE;
  const nameOfType = new Map(Object.entries(types).map(([name, type]) => [type, name]));
  const handle: Handle = (request, send) => {
    const response = dns2.Packet.createResponseFromRequest(request);
    response.header.aa = 1;
    const [question] = request.questions;
    const records = question === undefined ? undefined : zone[question.name.toLowerCase()];
    if (question === undefined || records === undefined) response.header.rcode = 3;
    else {
      const type = question.type ?? 0;
      for (const record of records[nameOfType.get(type) ?? ""] ?? []) {
        const answer = { name: question.name, type, class: dns2.Packet.CLASS.IN, ttl: 300, ...record };
        response.answers.push(new dns2.Packet.Resource(answer));
      }
    }
    send(response);
  };
  const udp = dns2.createServer({ udp: true, handle });
  const { udp: address } = await udp.listen({ udp: { port: 0, address: "127.0.0.1" } });
  const port = address?.port ?? 0;
  const tcp = dns2.createServer({ tcp: true, handle });
  await tcp.listen({ tcp: { port, address: "127.0.0.1" } });
  return {
    resolver: `127.0.0.1:${port}`,
    async close() {
      await Promise.all([udp.close(), tcp.close()]);
    },
  };
}
