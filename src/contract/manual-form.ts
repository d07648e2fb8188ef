import { expressionsOf } from "./cel-tree.ts";
import type { Contract } from "./contract.ts";
import { membersOf } from "./schema-members.ts";

/** One field of the form that a `manual` contract asks for. */
export interface FormField {
  readonly name: string;
  readonly required: boolean;
  readonly schema: unknown;
}

const FIELD = /^\s*result\.answer\.([A-Za-z_][A-Za-z0-9_]*)\s*$/;

/** The form of a `manual` contract: the outputs that are mapped from the answer, with their schemas. */
export function manualForm({ outputs, execution }: Contract): FormField[] {
  const { properties, required } = membersOf(outputs);
  return Object.entries(execution.outputs).flatMap(([output, tree]) => {
    const texts = expressionsOf(tree).map(({ text }) => text);
    const name = texts.length === 1 ? FIELD.exec(texts[0] ?? "")?.[1] : undefined;
    if (name === undefined) return [];
    return [{ name, required: required.includes(output), schema: properties[output] ?? {} }];
  });
}
