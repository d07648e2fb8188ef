import { describe, expect, it } from "vitest";
import { startClock } from "./clock.ts";

describe("the clock of a process", () => {
  it("follows the host's clock forwards and never backwards", () => {
    let wall = 1_000_000;
    let elapsed = 0;
    const clock = startClock(
      () => wall,
      () => elapsed,
    );
    expect(clock()).toBe(1_000_000);
    wall += 5000;
    elapsed += 5;
    expect(clock()).toBe(1_005_000);
    wall -= 60_000;
    elapsed += 20;
    expect(clock()).toBe(1_005_020);
    wall += 90_000;
    elapsed += 1;
    expect(clock()).toBe(1_035_000);
  });
});
