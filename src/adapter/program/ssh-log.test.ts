import { describe, expect, it } from "vitest";
import { LOGGED, phaseOf, readSshLog, sshFault } from "./ssh-log.ts";

const line = (place: string, words: string, pid = 7) => `debug1: ${place}():12 (pid=${pid}): ${words}\n`;
const hello = line("kex.c:kex_exchange_identification", "Local version string SSH-2.0-OpenSSH_9.2p1");
const loggedIn = line(
  "sshconnect2.c:ssh_userauth2",
  'Authenticated to target (via proxy) using "publickey".',
);
const exit = (status: number, pid?: number) => line("clientloop.c:client_loop", `Exit status ${status}`, pid);
const refused = line("sshconnect2.c:verify_host_key_callback", "Host key verification failed.");
const denied = "u@target: Permission denied (publickey";

describe("log of OpenSSH's client", () => {
  it("believes an exit status only after a login", () => {
    expect(readSshLog(hello + loggedIn + exit(3)).exitStatus).toBe(3);
    expect(readSshLog(hello + exit(3)).exitStatus).toBeUndefined();
    expect(readSshLog(hello + loggedIn + exit(0) + exit(-1)).exitStatus).toBeUndefined();
  });

  it("takes lines of one process and of the functions that are asked for only", () => {
    expect(readSshLog(hello + loggedIn + exit(0, 8)).exitStatus).toBeUndefined();
    const other = line("kex.c:kex_buf2prop", "x") + line("clientloop.c:client_loopx", "Exit status 0");
    expect(readSshLog(hello + loggedIn + other).exitStatus).toBeUndefined();
    expect(LOGGED).not.toMatch(/:\*:|\.c:\*|vfatal/);
  });

  it("reads nothing in what a server writes into the client's last words", () => {
    const log = readSshLog(hello + line("sshconnect2.c:userauth", `${denied}\n${loggedIn}${exit(0)})`));
    expect(log.exitStatus).toBeUndefined();
    expect(log.refused).toBe("login");
    const keys = line("sshconnect.c:verify_host_key", `Server host key: ssh-x SHA256:${"A".repeat(43)}`);
    expect(
      readSshLog(hello + line("sshconnect2.c:userauth", `${denied}\n${keys})`)).session.hostKey,
    ).toBeNull();
  });

  it("never says that nothing was sent once the client was let in", () => {
    const request = line("clientloop.c:client_input_channel_req", `channel 0 rtype x\n${refused}`);
    for (const text of [hello + loggedIn + refused, hello + refused + loggedIn, hello + request])
      expect(sshFault(readSshLog(text))).toMatchObject({ code: "CONNECTION_LOST", phase: "response" });
    expect(sshFault(readSshLog(hello + refused))).toMatchObject({
      code: "HOST_KEY_CHANGED",
      phase: "connect",
    });
  });

  it("takes a log that ends early for one that says nothing", () => {
    for (const text of ["", hello, hello.slice(0, 40)]) expect(phaseOf(readSshLog(text))).toBe("response");
    expect(phaseOf(readSshLog(hello + line("sshconnect2.c:userauth", `${denied}).`)))).toBe("login");
  });
});
