import type { View } from "../verifier/index.ts";

/** A view as nodes of this document. Text becomes text nodes: nothing of a bundle is ever parsed as HTML. */
export function nodesOf(view: View): Node {
  if (typeof view === "string") return document.createTextNode(view);
  const node = document.createElement(view.tag);
  for (const [name, value] of Object.entries(view.attributes)) node.setAttribute(name, value);
  node.append(...view.children.map(nodesOf));
  return node;
}
