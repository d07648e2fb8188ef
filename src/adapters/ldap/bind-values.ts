/** A text that was refused here, before anything was sent. */
export class TextRefused extends Error {
  readonly code: "FILTER_MALFORMED" | "DN_MALFORMED";
  constructor(code: "FILTER_MALFORMED" | "DN_MALFORMED", message: string) {
    super(message);
    this.name = "TextRefused";
    this.code = code;
  }
}

export type Values = Readonly<Record<string, string>>;

/** A piece of a text with placeholders: literal text, or the name of a value. */
export type Piece = { readonly text: string } | { readonly name: string };

/** Divides `a{name}b` into its pieces. Undefined when a brace stands alone. */
export function piecesOf(text: string): readonly Piece[] | undefined {
  const pieces: Piece[] = [];
  for (const part of text.split(/(\{[A-Za-z_][A-Za-z0-9_]{0,63}\})/)) {
    if (part === "") continue;
    if (/^\{[A-Za-z0-9_]+\}$/.test(part)) pieces.push({ name: part.slice(1, -1) });
    else if (/[{}]/.test(part)) return undefined;
    else pieces.push({ text: part });
  }
  return pieces;
}

/**
 * A distinguished name with values put in for `{name}`, escaped by RFC 4514 section 2.4: whatever a value holds, it stays
 * the value of one attribute.
 *
 * @throws TextRefused `DN_MALFORMED` for a value that is not given or empty, and for a placeholder that is no whole value.
 */
export function bindDn(template: string, values: Values): string {
  const pieces = piecesOf(template);
  if (pieces === undefined) throw refused("a brace in a distinguished name is written `\\7b` or `\\7d`");
  let dn = "";
  for (const [index, piece] of pieces.entries()) {
    if ("text" in piece) {
      dn += piece.text;
      continue;
    }
    const next = pieces[index + 1];
    const follows = next === undefined ? "," : "text" in next ? next.text : "";
    if (!dn.endsWith("=") || !/^[,+]/.test(follows))
      throw refused(`\`{${piece.name}}\` must be the whole value of an attribute of the distinguished name`);
    const value = Object.hasOwn(values, piece.name) ? values[piece.name] : undefined;
    if (value === undefined || value === "") throw refused(`there is no value for \`{${piece.name}}\``);
    dn += escapeDnValue(value);
  }
  return dn;
}

/** RFC 4514 section 2.4, with every character that means anything in a name in hexadecimal form. */
export function escapeDnValue(value: string): string {
  const hex = (text: string) =>
    [...Buffer.from(text, "utf8")].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  return (
    value
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
      .replaceAll(/[\u0000-\u001f\u007f"+,;<=>\\{}]/g, hex)
      .replace(/^[ #]/, hex)
      .replace(/ $/, hex)
  );
}

function refused(message: string): TextRefused {
  return new TextRefused("DN_MALFORMED", message);
}
