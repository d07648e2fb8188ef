import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { isAgeRecipient } from "./age-recipient.ts";

describe("isAgeRecipient", () => {
  it("knows what age makes, and no text that differs in one letter", async () => {
    for (let round = 0; round < 20; round++) {
      const recipient = await identityToRecipient(await generateX25519Identity());
      expect(isAgeRecipient(recipient)).toBe(true);
      for (let at = 0; at < recipient.length; at++) {
        const other = recipient[at] === "q" ? "p" : "q";
        expect(isAgeRecipient(recipient.slice(0, at) + other + recipient.slice(at + 1))).toBe(false);
      }
    }
  });

  it.each([
    "",
    "age1",
    "ssh-ed25519 AAAA",
    "age1pq1qqqq",
    "AGE1HJZY6ZYVZLV366HDTG02XUF96UD4R2C7JJLZHNVJLRD5H38DZSMQG5QJ6H",
  ])("refuses `%s`", (text) => {
    expect(isAgeRecipient(text)).toBe(false);
  });
});
