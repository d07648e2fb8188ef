/**
 * Maps items in their order, with up to `width` of the answers under way at once: for work that others do, on their own
 * threads. No more than that many are held.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const begun: [T, Promise<R>][] = [];
  for (const item of items) {
    const answer = work(item);
    // Awaited in order below; one that fails before its turn is not a rejection that nobody handles.
    answer.catch(() => undefined);
    begun.push([item, answer]);
    if (begun.length < width) continue;
    const [[first, due]] = begun.splice(0, 1) as [[T, Promise<R>]];
    yield [first, await due];
  }
  for (const [item, due] of begun) yield [item, await due];
}
