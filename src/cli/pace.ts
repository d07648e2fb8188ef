/** Counts what happens by name and says whether more may, within a sliding window. */
export class Pace {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #times = new Map<string, number[]>();

  /** @param most how often within the window. */
  constructor(most: number, windowMs: number) {
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** @param now milliseconds of a clock that does not run backwards. */
  allows(name: string, now: number): boolean {
    return this.#recent(name, now).length < this.#most;
  }

  count(name: string, now: number): void {
    this.#times.set(name, [...this.#recent(name, now), now]);
  }

  #recent(name: string, now: number): number[] {
    return (this.#times.get(name) ?? []).filter((time) => time > now - this.#windowMs);
  }
}
