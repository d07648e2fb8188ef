import { expect, it } from "vitest";
import type { Lane } from "./lane.ts";
import { untilRecorded } from "./until-recorded.ts";

function lane(): Lane & { dropped: string[] } {
  const dropped: string[] = [];
  const states = { drop: (run: string) => void dropped.push(run) };
  return { dropped, states, sleep: () => Promise.resolve() } as unknown as Lane & { dropped: string[] };
}

it("tries on the run as it stands by then, until it is recorded", async () => {
  const on = lane();
  const answers = [undefined, undefined, "done"];
  expect(await untilRecorded(on, "r", async () => answers.shift())).toBe("done");
  expect(on.dropped).toEqual(["r", "r"]);
});

it("gives up on a run that never rests, and says so", async () => {
  let tries = 0;
  const never = untilRecorded(lane(), "r", async () => {
    tries += 1;
    return undefined;
  });
  await expect(never).rejects.toMatchObject({ code: "RUN_CONTENDED", hint: "run the command again" });
  expect(tries).toBe(50);
});

it("lets a refusal through at once", async () => {
  await expect(untilRecorded(lane(), "r", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
});
