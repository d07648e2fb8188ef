import type { ApprovalGroup } from "../contract/approval-groups.ts";
import type { Role } from "../contract/vocabulary.ts";

/**
 * How far each group can be filled when every person fills one place only: a largest matching of people to places, by
 * augmenting paths. Who could fill two groups goes where they are needed, whatever the order of people; the total does
 * not depend on it.
 *
 * @param people for each person the roles that count; in a fixed order, so that the same people fill the same places.
 * @returns for each group how many places are filled.
 */
export function fillGroups(
  groups: readonly ApprovalGroup[],
  people: readonly (readonly Role[])[],
): readonly number[] {
  const places = groups.flatMap((group, index) => Array.from({ length: group.quorum }, () => index));
  const holder = new Map<number, number>();
  const seat = (person: number, tried: Set<number>): boolean => {
    for (const [place, index] of places.entries()) {
      const fits = groups[index]?.roles.some((role) => people[person]?.includes(role)) === true;
      if (!fits || tried.has(place)) continue;
      tried.add(place);
      const held = holder.get(place);
      if (held !== undefined && !seat(held, tried)) continue;
      holder.set(place, person);
      return true;
    }
    return false;
  };
  for (const person of people.keys()) seat(person, new Set());
  return groups.map((_, index) => [...holder.keys()].filter((place) => places[place] === index).length);
}
