import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../../scripts/need-program.ts";
import type { LiveSystem } from "./live-system.ts";

/** A DNS query for `bad.shop.test`, type A (RFC 1035, section 4). */
const QUERY = Buffer.concat([
  Buffer.from("123401000001000000000000", "hex"),
  ...["bad", "shop", "test"].map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
  Buffer.from("0000010001", "hex"),
]);

/** An Ethernet frame with a UDP datagram from 192.0.2.1 to 192.0.2.7. */
function datagram(port: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(14 + 20 + 8);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt8(0x45, 14);
  frame.writeUInt16BE(28 + payload.length, 16);
  frame.writeUInt8(64, 22);
  frame.writeUInt8(17, 23);
  frame.set([192, 0, 2, 1, 192, 0, 2, 7], 26);
  frame.writeUInt16BE(5000, 34);
  frame.writeUInt16BE(port, 36);
  frame.writeUInt16BE(8 + payload.length, 38);
  return Buffer.concat([frame, payload]);
}

/** A capture as libpcap writes it. @param packets with the second each was seen in. */
function capture(packets: readonly (readonly [number, Buffer])[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65_535, 16);
  head.writeUInt32LE(1, 20);
  const records = packets.flatMap(([second, packet]) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(second, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return [record, packet];
  });
  return Buffer.concat([head, ...records]);
}

export const wireshark: LiveSystem = {
  name: "Wireshark's tshark and capinfos (Debian), on a capture",
  contracts: ["wireshark.capture-info", "wireshark.dns-queries", "wireshark.read-packets"],
  missing: () => needProgram("tshark", "tshark") ?? needProgram("capinfos", "wireshark-common"),
  async start(folder) {
    const packets = [
      [1_795_000_000, datagram(53, QUERY)],
      [1_795_000_060, datagram(4444, Buffer.from("hello"))],
    ] as const;
    // As many as may be asked for: what the outputs cost is bounded, too.
    const many = Array.from({ length: 600 }, (_, i) => [1_795_000_000 + i, datagram(53, QUERY)] as const);
    writeFileSync(join(folder, "till.pcap"), capture(packets));
    writeFileSync(join(folder, "many.pcap"), capture(many));
    const query = { at: "1795000000.000000000", from: "192.0.2.1", name: "bad.shop.test", type: 1 };
    const packet = { from: "192.0.2.1", to: "192.0.2.7" };
    return {
      close: () => undefined,
      calls: {
        "wireshark.capture-info": {
          inputs: { path: "till.pcap" },
          outputs: {
            format: "pcap",
            packets: 2,
            bytes: 120,
            firstAt: "1795000000.000000",
            lastAt: "1795000060.000000",
            ordered: true,
          },
        },
        "wireshark.dns-queries": {
          inputs: { path: "many.pcap", packets: 500 },
          outputs: {
            count: 500,
            queries: many.slice(0, 500).map(([at]) => ({ ...query, at: `${at}.000000000` })),
          },
        },
        "wireshark.read-packets": {
          inputs: { path: "till.pcap" },
          outputs: {
            packets: [
              { number: 1, at: query.at, ...packet, port: "53", protocol: "DNS", length: 73 },
              { number: 2, ...packet, port: "4444", protocol: "UDP", length: 47 },
            ],
          },
        },
      },
    };
  },
};
