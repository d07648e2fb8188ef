import { expect, it } from "vitest";
import { wireUrl } from "./request.ts";

it("puts a secret into a path as it is, whatever it spells", () => {
  const value = "a$&b$'c$$d";
  const url = wireUrl({
    method: "GET",
    url: new URL("https://x.example/hooks/{key}/end"),
    headers: new Map(),
    body: undefined,
    secrets: [{ name: "key", value, into: { kind: "path", name: "key" } }],
    requireTrusted: true,
  });
  expect(url.pathname).toBe(`/hooks/${value}/end`);
});
