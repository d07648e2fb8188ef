import { describe, expect, it } from "vitest";
import { parseWorkspace } from "./workspace-file.ts";

const read = (url: string) =>
  parseWorkspace(
    JSON.stringify({
      apiVersion: "witnessops/v1",
      kind: "Workspace",
      name: "acme",
      owner: "ana",
      time: { authorities: [{ name: "example", url }] },
    }),
    "witnessops.yaml",
  );

describe("a time stamping authority in a workspace's file", () => {
  it("has an address that can be asked", () => {
    for (const url of ["http://tsa.example", "https://tsa.example:8443/tsa?x=1", "http://[::1]:80/"])
      expect(read(url).time?.authorities[0]?.url).toBe(url);
    for (const url of ["http://tsa.example:99999/", "http://[::1/", "http://%zz/", "http://a<b/", "ftp://a/"])
      expect(() => read(url), url).toThrow(
        expect.objectContaining({
          faults: [expect.objectContaining({ path: "time.authorities[0].url" })],
        }),
      );
  });
});
