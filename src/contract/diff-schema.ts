import { type ChangeList, sameJson } from "./change.ts";
import { membersOf, neededOf } from "./schema-members.ts";

/** Compares two input schemas: what a caller gave before must still do. */
export function diffInputs(before: object, after: object, to: ChangeList): void {
  const old = membersOf(before);
  const now = membersOf(after);
  const neededBefore = neededOf(before);
  for (const name of Object.keys(old.properties)) {
    if (!Object.hasOwn(now.properties, name))
      to.breaking(`inputs.properties.${name}`, `input \`${name}\` removed`);
    else if (!sameJson(old.properties[name], now.properties[name])) {
      to.breaking(`inputs.properties.${name}`, `input \`${name}\` changed`);
    }
  }
  for (const name of Object.keys(now.properties)) {
    if (!Object.hasOwn(old.properties, name)) to.note(`inputs.properties.${name}`, `input \`${name}\` added`);
  }
  for (const name of neededOf(after)) {
    if (!neededBefore.includes(name)) to.breaking("inputs.required", `input \`${name}\` is now required`);
  }
  diffRest("inputs", before, after, to);
}

/** Compares two output schemas: what a reader relied on must still be there. */
export function diffOutputs(before: object, after: object, to: ChangeList): void {
  const old = membersOf(before);
  const now = membersOf(after);
  for (const name of Object.keys(old.properties)) {
    if (!Object.hasOwn(now.properties, name))
      to.breaking(`outputs.properties.${name}`, `output \`${name}\` removed`);
    else if (!sameJson(old.properties[name], now.properties[name])) {
      to.breaking(`outputs.properties.${name}`, `output \`${name}\` changed`);
    }
  }
  for (const name of Object.keys(now.properties)) {
    if (!Object.hasOwn(old.properties, name))
      to.note(`outputs.properties.${name}`, `output \`${name}\` added`);
  }
  for (const name of old.required) {
    if (!now.required.includes(name) && Object.hasOwn(now.properties, name)) {
      to.breaking("outputs.required", `output \`${name}\` is no longer certain`);
    }
  }
  diffRest("outputs", before, after, to);
}

function diffRest(at: string, before: object, after: object, to: ChangeList): void {
  const { properties: _p, required: _r, ...old } = before as Record<string, unknown>;
  const { properties: _q, required: _s, ...now } = after as Record<string, unknown>;
  if (!sameJson(old, now)) to.breaking(at, "the schema's other rules changed");
}
