import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visibleText } from "../format/visible-text.ts";
import { jsonLine, Printer } from "./output.ts";

function printed(print: (out: Printer) => void): string {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  print(new Printer(stream as unknown as NodeJS.WriteStream));
  return chunks.join("");
}

describe("output", () => {
  it("aligns columns and leaves no trailing space", () => {
    const text = printed((out) =>
      out.table(
        ["step", "outcome"],
        [
          ["a", { text: "executed", style: "good" }],
          ["longer", ""],
        ],
      ),
    );
    expect(text).toBe("step    outcome\na       executed\nlonger\n");
  });

  it("leaves out what is not there", () => {
    expect(
      printed((out) =>
        out.pairs([
          ["a", "1"],
          ["b", undefined],
        ]),
      ),
    ).toBe("a  1\n");
  });

  it("spells out what would move the cursor or hide words", () => {
    expect(visibleText("\u001b[2Jok\u202egpj")).toBe("\\u{1b}[2Jok\\u{202e}gpj");
    expect(printed((out) => out.line("a\nb\r"))).toBe("a\\u{a}b\\u{d}\n");
    // Blank letters, joiners and selectors that nobody sees, and half of a character.
    expect(visibleText("a\u3164\u115f\uffa0\u034f\ufe0fb\ud800")).toBe(
      "a\\u{3164}\\u{115f}\\u{ffa0}\\u{34f}\\u{fe0f}b\\u{d800}",
    );
    // Marks that are stacked are drawn over the lines above; what languages need stays.
    expect(visibleText(`Vie\u0302\u0323t ${"a".padEnd(7, "\u0301")}`)).toBe(
      "Vie\u0302\u0323t a\u0301\u0301\u0301\u0301\\u{301}\\u{301}",
    );
  });

  it("spells out in JSON for a terminal what would move the cursor, and nothing for a pipe", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(JSON.parse(jsonLine(value, true))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(jsonLine(value, false)).toBe(`${JSON.stringify(value)}\n`);
      }),
    );
    expect(jsonLine({ a: "\u009b2J\u202e\u{e0041}" }, true)).toBe('{"a":"\\u009b2J\\u202e\\udb40\\udc41"}\n');
  });

  it("prints no control character, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});
