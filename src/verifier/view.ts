import { visibleText } from "../format/visible-text.ts";

/** The elements that a report is made of. None of them loads, links or runs anything. */
export type Tag =
  | "header"
  | "section"
  | "div"
  | "h1"
  | "h2"
  | "h3"
  | "p"
  | "ul"
  | "li"
  | "dl"
  | "dt"
  | "dd"
  | "table"
  | "thead"
  | "tbody"
  | "tr"
  | "th"
  | "td"
  | "strong"
  | "code";

/** Attributes that a report needs; their values are words of this program, never of a bundle. */
export interface Attributes {
  readonly class?: string;
  readonly id?: string;
  readonly scope?: "col" | "row";
  readonly tabindex?: "0" | "-1";
  readonly role?: "region";
  readonly "aria-labelledby"?: string;
}

/**
 * A report before it is written: as HTML text, or as nodes of a page. What comes from a bundle is only ever text
 * in it, and both writers take it as text.
 */
export type View = string | ViewElement;

export interface ViewElement {
  readonly tag: Tag;
  readonly attributes: Attributes;
  readonly children: readonly View[];
}

/** An element; hidden characters of its text are spelled out. */
export function element(tag: Tag, attributes: Attributes, ...children: readonly View[]): ViewElement {
  return {
    tag,
    attributes,
    children: children.map((child) => (typeof child === "string" ? visibleText(child) : child)),
  };
}
