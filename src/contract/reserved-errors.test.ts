import { describe, expect, it } from "vitest";
import { isDoubtful, isUnsent } from "./doubtful-error.ts";
import { reservedClassOf } from "./reserved-errors.ts";

describe("answers of servers", () => {
  it.each([
    [{ code: "HTTP_STATUS", status: 503 }, "UNAVAILABLE"],
    [{ code: "LDAP_RESULT", resultCode: 3 }, "TIMEOUT"],
    [{ code: "LDAP_RESULT", resultCode: 4 }, "SIZE_EXCEEDED"],
    [{ code: "LDAP_RESULT", resultCode: 49 }, "AUTH_REJECTED"],
    [{ code: "LDAP_RESULT", resultCode: 51 }, "UNAVAILABLE"],
    [{ code: "LDAP_RESULT", resultCode: 52 }, "UNAVAILABLE"],
    [{ code: "LDAP_RESULT", resultCode: 32 }, "UNDECLARED_ERROR"],
    [{ code: "LDAP_RESULT", resultCode: "49" }, "UNDECLARED_ERROR"],
    [{ code: "SMTP_REPLY", reply: 421 }, "UNAVAILABLE"],
    [{ code: "SMTP_REPLY", reply: 535 }, "AUTH_REJECTED"],
    [{ code: "SMTP_REPLY", reply: 550 }, "UNDECLARED_ERROR"],
    // A number means what its protocol says, and nothing elsewhere.
    [{ code: "SMTP_REPLY", resultCode: 49 }, "UNDECLARED_ERROR"],
  ])("%j is %s", (error, expected) => {
    expect(reservedClassOf(error)).toBe(expected);
  });

  it("leave no doubt, and neither does what ended before the action left", () => {
    for (const code of ["LDAP_RESULT", "SMTP_REPLY"])
      expect(isDoubtful("unsafe", { code, phase: "response" }, 1)).toBe(false);
    for (const phase of ["login", "envelope", "message"]) {
      expect(isDoubtful("unsafe", { code: "ECONNRESET", phase }, 1)).toBe(false);
      // The first address may have had the action.
      expect(isUnsent({ code: "ECONNRESET", phase }, 2)).toBe(false);
    }
    expect(isDoubtful("unsafe", { code: "ECONNRESET", phase: "response" }, 1)).toBe(true);
    expect(isDoubtful("unsafe", { code: "RESPONSE_MALFORMED", phase: "response" }, 1)).toBe(true);
  });
});
