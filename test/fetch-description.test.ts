// Descriptions by URL: fetched only when that is allowed, through the egress guard, and nothing beside.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDescription } from "../src/cli/load-description.ts";
import { type LocalServer, startHttp } from "./local-servers.ts";

let server: LocalServer;
let folder: string;
let asked: string[] = [];
const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const withRef = (ref: string) => `
openapi: "3.1.0"
info: { title: Fetched, version: "1" }
paths: { /x: { get: { operationId: x, responses: { 200: { description: ok, content: { application/json: { schema: { $ref: "${ref}" } } } } } } } }
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "witnessops-fetch-"));
  server = await startHttp((request, response) => {
    asked.push(request.url ?? "");
    switch (request.url) {
      case "/api/openapi.yaml":
        response.end(withRef("common.yaml#/Pet"));
        return;
      case "/api/common.yaml":
        response.end("Pet: { type: object, properties: { back: { $ref: '#/Pet' } } }");
        return;
      case "/inside.yaml":
        response.end(withRef("http://127.0.0.2:9/inside.yaml#/Pet"));
        return;
      case "/moved":
        response.writeHead(302, { location: at("/api/openapi.yaml") }).end();
        return;
      case "/file.yaml":
        response.end(withRef("file:///etc/passwd"));
        return;
      default:
        response.writeHead(404).end();
    }
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

describe("a description by URL", () => {
  it("is fetched with what it refers to when that is allowed", async () => {
    asked = [];
    await expect(loadDescription(at("/api/openapi.yaml"), false)).rejects.toThrow(/was not fetched/);
    expect(asked).toEqual([]);
    const { description } = await loadDescription(at("/api/openapi.yaml"), true);
    expect(description.title).toBe("Fetched");
    expect(asked).toEqual(["/api/openapi.yaml", "/api/common.yaml"]);
  });

  it("that a file refers to is not fetched unless that is allowed", async () => {
    const file = join(folder, "openapi.yaml");
    writeFileSync(file, withRef(at("/api/common.yaml#/Pet")));
    asked = [];
    await loadDescription(file, false);
    expect(asked).toEqual([]);
    // Nor then, inside a private network that nobody named: a vendor's file must not choose what is asked there.
    await expect(loadDescription(file, true)).rejects.toThrow(/refused: loopback/);
    expect(asked).toEqual([]);
  });

  it.each([
    ["/moved", /redirects to/],
    ["/nothing", /answered with status 404/],
    ["/inside.yaml", /refused: loopback/],
    ["/file.yaml", /is not read/],
  ])("is refused when it is %s", async (path, message) => {
    await expect(loadDescription(at(path), true)).rejects.toThrow(message);
  });

  it("of a name is not looked for inside private networks", async () => {
    await expect(loadDescription(`http://localhost:${server.port}/api/openapi.yaml`, true)).rejects.toThrow(
      /refused: loopback/,
    );
  });
});
