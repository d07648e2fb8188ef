// Controls, and the format characters, line and paragraph separators that reorder, break or hide text.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text with control, bidirectional and invisible characters spelled out, like `\u{202e}`: nothing moves or hides words. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
