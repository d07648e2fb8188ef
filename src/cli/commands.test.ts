import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands, nouns } from "./commands.ts";

describe("commands", () => {
  it("live in the file of their name, under a known noun", () => {
    for (const { name } of commands) {
      const [noun = "", verb] = name.split(" ");
      expect(existsSync(join(import.meta.dirname, `${name.replace(" ", "-")}.ts`)), name).toBe(true);
      if (verb !== undefined) expect(nouns.map((known) => known.noun)).toContain(noun);
    }
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  });

  it("show an example that their own parameters understand", async () => {
    for (const { name, load } of commands) {
      const { command } = await load();
      expect(command.example.startsWith(name), name).toBe(true);
      const known = Object.values(command.parameters).flatMap(
        ({ syntax }) => syntax.match(/--?[a-z-]+/g) ?? [],
      );
      const used = command.example.replace(/'[^']*'/g, "").match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [];
      for (const option of used) expect(known, `${name}: ${option}`).toContain(option);
      const required = Object.values(command.parameters)
        .filter(({ place }) => place === "required-option")
        .map(({ syntax }) => syntax.split(/[, ]/)[0]);
      for (const option of required) expect(used, `${name}: ${option}`).toContain(option);
    }
  });
});
