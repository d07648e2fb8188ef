import { isJsonObject, type Json } from "../format/json.ts";

/** The members that a data schema of type `object` declares. */
export interface SchemaMembers {
  readonly properties: { readonly [name: string]: Json };
  readonly required: readonly string[];
  /** Whether members that are not declared are refused. */
  readonly closed: boolean;
}

/** Reads the members of a data schema that has passed `inspectDataSchema`. */
export function membersOf(schema: object): SchemaMembers {
  const { properties, required, additionalProperties } = schema as { readonly [keyword: string]: Json };
  return {
    properties: isJsonObject(properties) ? properties : {},
    required: Array.isArray(required) ? required.filter((name) => typeof name === "string") : [],
    closed: additionalProperties === false,
  };
}

/** Members that a caller must give: required, and without a default. */
export function neededOf(schema: object): string[] {
  const { properties, required } = membersOf(schema);
  return required.filter((name) => {
    const member = properties[name];
    return !(isJsonObject(member) && member.default !== undefined);
  });
}
