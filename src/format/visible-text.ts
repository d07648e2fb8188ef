// Controls; format characters, line and paragraph separators, and what is drawn as nothing: they reorder, break or hide
// text. Then half characters, and marks beyond the fourth on one letter: stacked ones are drawn over other lines.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?<=\p{M}{4})\p{M}/gu;

/**
 * Text of which nothing moves or hides words: control, bidirectional and invisible characters, and too many marks on one
 * letter, are spelled out.
 *
 * @param spell how; default like `\u{202e}`.
 */
export function visibleText(text: string, spell: (character: string) => string = escapeOf): string {
  return text.replace(HIDDEN, spell);
}

function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
