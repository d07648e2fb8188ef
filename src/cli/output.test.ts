import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visibleText } from "../format/visible-text.ts";
import { Printer } from "./output.ts";

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
  });

  it("prints no control character, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});
