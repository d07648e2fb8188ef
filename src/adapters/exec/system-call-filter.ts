/** Numbers of system calls, and what the kernel calls the processor (linux/audit.h, `AUDIT_ARCH_*`). */
interface Processor {
  readonly architecture: number;
  readonly sockets: readonly number[];
  /** `add_key`, `request_key` and `keyctl`. */
  readonly keys: readonly number[];
}

const PROCESSORS: Readonly<Record<string, Processor>> = {
  x64: { architecture: 0xc000003e, sockets: [41, 53], keys: [248, 249, 250] },
  arm64: { architecture: 0xc00000b7, sockets: [198, 199], keys: [217, 218, 219] },
};
/** `io_uring_setup` and its fellows, which make sockets without `socket`; the same numbers on every processor. */
const RINGS = [425, 426, 427];
/** UNIX, INET, INET6 and NETLINK: all of them are held by the sandbox's own network. VSOCK, for one, is not. */
const FAMILIES = [1, 2, 10, 16];
/** Numbers from here on are of the x32 ABI. */
const X32 = 0x40000000;

const [ALLOW, KILL] = [0x7fff0000, 0x80000000];
const errno = (code: number) => 0x50000 + code;
const [ENOSYS, EAFNOSUPPORT] = [38, 97];

/**
 * A filter of system calls (seccomp(2), a program of classic BPF) that refuses what reaches out of namespaces: sockets of
 * other families, the kernel's key rings, and rings of system calls that it would not see.
 *
 * @param processor as `process.arch` names it. Undefined for one whose numbers are not known here.
 */
export function systemCallFilter(processor: string): Buffer | undefined {
  const known = PROCESSORS[processor];
  if (known === undefined) return undefined;
  const absent = [...known.keys, ...RINGS];
  // Behind the tests of the number: allow, the test of the family, and the other three answers.
  const tests = 1 + known.sockets.length + absent.length;
  const family = 3 + tests + 1;
  const [noFamily, noCall, kill] = [5, 6, 7].map((n) => family + n) as [number, number, number];
  const allow = family - 1;
  const code: [number, number, number, number][] = [];
  const jump = (kind: number, value: number, yes: number, no = code.length + 1) =>
    code.push([kind, yes - code.length - 1, no - code.length - 1, value]);
  code.push([LOAD, 0, 0, 4]);
  jump(EQUAL, known.architecture, 2, kill);
  code.push([LOAD, 0, 0, 0]);
  jump(AT_LEAST, X32, noCall);
  for (const call of known.sockets) jump(EQUAL, call, family);
  for (const call of absent) jump(EQUAL, call, noCall);
  code.push([RETURN, 0, 0, ALLOW]);
  code.push([LOAD, 0, 0, 16]);
  for (const value of FAMILIES) jump(EQUAL, value, family + 8);
  code.push([RETURN, 0, 0, errno(EAFNOSUPPORT)]);
  code.push([RETURN, 0, 0, errno(ENOSYS)]);
  code.push([RETURN, 0, 0, KILL]);
  code.push([RETURN, 0, 0, ALLOW]);
  if (code[allow]?.[3] !== ALLOW || code[noFamily]?.[0] !== RETURN || code[kill]?.[3] !== KILL)
    throw new Error("the filter's jumps do not fit it");
  return Buffer.concat(
    code.map(([kind, yes, no, value]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(kind, 0);
      bytes.writeUInt8(yes, 2);
      bytes.writeUInt8(no, 3);
      bytes.writeUInt32LE(value, 4);
      return bytes;
    }),
  );
}

/** Instructions (linux/bpf_common.h): `LD W ABS`, `JMP JEQ K`, `JMP JGE K`, `RET K`. */
const [LOAD, EQUAL, AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
