import { describe, expect, it } from "vitest";
import { mapAhead } from "./map-ahead.ts";

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

describe("mapAhead", () => {
  it("answers in order, each with its item, and begins no more than its width", async () => {
    let running = 0;
    let most = 0;
    const answers: (readonly [number, string])[] = [];
    const items = Array.from({ length: 50 }, (_, i) => i);
    const work = async (item: number): Promise<string> => {
      running += 1;
      most = Math.max(most, running);
      await later((item * 7) % 5);
      running -= 1;
      return `${item}`;
    };
    for await (const answer of mapAhead(items, 8, work)) answers.push(answer);
    expect(answers).toEqual(items.map((item) => [item, `${item}`]));
    expect(most).toBe(8);
  });

  it("fails when it comes to the one that fails, and not before", async () => {
    const answers: number[] = [];
    const all = async (): Promise<void> => {
      const work = async (item: number): Promise<number> => {
        if (item === 3) throw new Error("the third");
        await later(2);
        return item;
      };
      for await (const [item] of mapAhead([1, 2, 3, 4], 10, work)) answers.push(item);
    };
    await expect(all()).rejects.toThrow("the third");
    expect(answers).toEqual([1, 2]);
  });

  it("has nothing to say of nothing", async () => {
    for await (const _ of mapAhead([], 3, () => Promise.resolve(1))) expect.fail("it said something");
  });
});
