import { describe, expect, it } from "vitest";
import { decideTarget } from "./decide-target.ts";
import { parsePatterns } from "./target-pattern.ts";

function decide(redirect: string | undefined, include: readonly string[], exclude: readonly string[] = []) {
  const rules = {
    endpoints: [{ host: "api.example.com", port: 443, protocol: "tcp" as const }],
    include: parsePatterns(include),
    exclude: parsePatterns(exclude),
    nameServers: [],
  };
  const redirected = redirect === undefined ? {} : { redirect };
  const decided = decideTarget({ host: "api.example.com", port: 443, protocol: "tcp", ...redirected }, rules);
  return decided.ok ? "ok" : decided.reason;
}

describe("a redirect", () => {
  const url = "https://api.example.com";

  it("may stay on a declared endpoint", () => {
    expect(decide(`${url}/elsewhere`, ["host:other.example.com"])).toBe("ok");
  });

  it("has to stay below the URLs that the scope names on that origin", () => {
    const include = ["url:https://api.example.com/v1/"];
    expect(decide(`${url}/v1/next`, include)).toBe("ok");
    expect(decide(`${url}/admin`, include)).toBe("redirect-outside-scope");
    expect(decide(`${url}/v1/..%2fadmin`, include)).toBe("redirect-outside-scope");
    expect(decide(undefined, include)).toBe("ok");
  });

  it.each(["/admin/x", "/x/..%2fadmin/y", "/ADMIN", "/a/../admin"])(
    "does not slip past an exclusion as %s",
    (path) => {
      expect(decide(`${url}${path}`, ["host:api.example.com"], ["url:https://api.example.com/admin"])).toBe(
        "excluded",
      );
    },
  );
});
