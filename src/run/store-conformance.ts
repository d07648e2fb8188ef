import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Artifact } from "../contract/artifact.ts";
import type { AttemptFact } from "../contract/receipt-predicate.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { appending, exampleReceipt, headOf } from "./example-receipt.ts";
import type { Change, DispatchRow, Head, LeaseOwner, Store } from "./store.ts";

/** One empty database of a driver. */
export interface StoreUnderTest {
  /** Opens the database; several may be open at once. */
  open(): Store;
  /** Removes it, once every store is closed. */
  remove(): void;
}

function document(text: string): { digest: Digest; bytes: Uint8Array } {
  const bytes = new TextEncoder().encode(text);
  return { digest: digestOf(bytes), bytes };
}

const gateRecord = document('{"gate":"record"}');

function dispatch(run: string, step: string, attempt: number): DispatchRow {
  return {
    run,
    invocation: `${run}/${step}`,
    attempt,
    actionDigest: digestOf("action"),
    gateRecord: gateRecord.digest,
    idempotencyKey: "key",
    owner: "owner",
    at: "2026-01-01T00:00:00.000Z",
  };
}

function artifact(id: string): Artifact {
  return {
    id,
    name: "body",
    digest: digestOf(id),
    size: 3,
    mediaType: "text/plain",
    sensitivity: "internal",
    capturedAt: "2026-01-01T00:00:00.000Z",
    source: "example",
    exact: true,
    masked: 0,
  };
}

const ended: AttemptFact = {
  n: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:00:01.000Z",
  exit: "failed",
  errorClass: "TIMEOUT",
  side: "external",
  dispatchDigest: gateRecord.digest,
};

/** A process id above what any system gives out. */
const gonePid = 2 ** 31 - 2;
const here = (token: string): LeaseOwner => ({ pid: process.pid, token });

/** What every store driver has to do (`src/run/store.ts`). */
export function testStore(name: string, make: () => StoreUnderTest): void {
  describe(`store conformance: ${name}`, () => {
    let database: StoreUnderTest;
    let stores: Store[];
    const open = (): Store => {
      const store = database.open();
      stores.push(store);
      return store;
    };
    beforeEach(() => {
      database = make();
      stores = [];
    });
    afterEach(() => {
      for (const store of stores) store.close();
      database.remove();
    });

    describe("a change", () => {
      it("is there whole after a reopening", async () => {
        const store = open();
        const opened = exampleReceipt("engagement:acme", undefined, { event: "run-opened" });
        const first = exampleReceipt("run:r1", undefined, { prevHash: opened.digest });
        const pinned = document("pinned");
        const blob = document("blob");
        const change: Change = {
          append: [
            { receipt: opened, expectedHead: undefined },
            { receipt: first, expectedHead: undefined },
          ],
          dispatch: dispatch("r1", "a", 1),
          documents: [pinned, gateRecord],
          blobs: [blob],
          artifacts: [{ run: "r1", invocation: "r1/a", attempt: 1, artifact: artifact("r1/a/1/body") }],
          consume: [{ approval: pinned.digest, invocation: "r1/a" }],
          openRun: { run: "r1", document: pinned.digest, opened: opened.digest },
          status: [{ subject: "engagement:acme", status: "open" }],
        };
        expect(await store.commit(change)).toEqual({ ok: true });
        store.close();
        stores.pop();

        const again = open();
        expect(again.head("run:r1")).toEqual(headOf(first));
        expect(again.receipts("run:r1")).toEqual([first]);
        expect(again.receipt(opened.digest)).toEqual(opened);
        expect(again.dispatches("r1")).toEqual([dispatch("r1", "a", 1)]);
        expect(again.document(pinned.digest)).toEqual(pinned.bytes);
        expect(again.blob(blob.digest)).toEqual(blob.bytes);
        expect(again.artifacts("r1")).toEqual(change.artifacts);
        expect(again.consumed(pinned.digest)).toBe("r1/a");
        expect(again.run("r1")).toEqual({ ...change.openRun, closed: undefined });
        expect(again.status("engagement:acme")).toBe("open");
        expect(again.checkIntegrity()).toEqual([]);
      });

      it("leaves nothing behind when it conflicts", async () => {
        const store = open();
        const first = exampleReceipt("workspace", undefined);
        await store.commit(appending(first, undefined));
        const other = exampleReceipt("engagement:acme", undefined);
        const pinned = document("pinned");
        const refused = await store.commit({
          append: [
            { receipt: other, expectedHead: undefined },
            { receipt: exampleReceipt("workspace", undefined, { size: 1 }), expectedHead: undefined },
          ],
          dispatch: dispatch("r1", "a", 1),
          documents: [pinned],
          blobs: [pinned],
          artifacts: [{ run: "r1", invocation: "r1/a", attempt: 1, artifact: artifact("r1/a/1/body") }],
          consume: [{ approval: pinned.digest, invocation: "r1/a" }],
          openRun: { run: "r1", document: pinned.digest, opened: pinned.digest },
          status: [{ subject: "engagement:acme", status: "halted" }],
        });
        expect(refused).toEqual({ ok: false, conflict: "head" });
        expect(store.head("engagement:acme")).toBeUndefined();
        expect(store.receipt(other.digest)).toBeUndefined();
        expect(store.dispatches("r1")).toEqual([]);
        expect(store.document(pinned.digest)).toBeUndefined();
        expect(store.blob(pinned.digest)).toBeUndefined();
        expect(store.artifacts("r1")).toEqual([]);
        expect(store.consumed(pinned.digest)).toBeUndefined();
        expect(store.run("r1")).toBeUndefined();
        expect(store.statuses()).toEqual([]);
      });

      it("that is refused leaves those committed with it alone", async () => {
        const store = open();
        const changes = ["a", "b", "a", "c"].map((run) =>
          store.commit(appending(exampleReceipt(`run:${run}`, undefined), undefined)),
        );
        const results = await Promise.all(changes);
        expect(results.map((result) => result.ok)).toEqual([true, true, false, true]);
        expect(store.streams("run:")).toEqual(["run:a", "run:b", "run:c"]);
      });

      it("that is malformed is rejected alone", async () => {
        const store = open();
        const good = exampleReceipt("workspace", undefined);
        const leap = { ...exampleReceipt("run:a", undefined), seq: 7 };
        const malformed = document("x");
        const results = await Promise.allSettled([
          store.commit({ documents: [document("before")] }),
          store.commit(appending(leap, undefined)),
          store.commit({ blobs: [{ digest: malformed.digest, bytes: null as unknown as Uint8Array }] }),
          store.commit(appending(good, undefined)),
        ]);
        expect(results.map((result) => result.status)).toEqual([
          "fulfilled",
          "rejected",
          "rejected",
          "fulfilled",
        ]);
        expect(store.document(document("before").digest)).toEqual(document("before").bytes);
        expect(store.head("workspace")).toEqual(headOf(good));
        expect(store.head("run:a")).toBeUndefined();
      });

      it("may append several receipts to one stream", async () => {
        const store = open();
        const first = exampleReceipt("workspace", undefined);
        const second = exampleReceipt("workspace", first);
        const result = await store.commit({
          append: [
            { receipt: first, expectedHead: undefined },
            { receipt: second, expectedHead: headOf(first) },
          ],
        });
        expect(result.ok).toBe(true);
        expect(store.receipts("workspace", 1)).toEqual([second]);
        expect(store.receipts("workspace", 2)).toEqual([]);
      });
    });

    describe("heads", () => {
      it("refuse a receipt chained to another head", async () => {
        const store = open();
        const first = exampleReceipt("workspace", undefined);
        await store.commit(appending(first, undefined));
        const second = exampleReceipt("workspace", first);
        const wrongDigest = { seq: 0, digest: digestOf("another") };
        for (const expectedHead of [undefined, wrongDigest, { seq: 1, digest: first.digest }]) {
          const seq = expectedHead === undefined ? 0 : expectedHead.seq + 1;
          const result = await store.commit({ append: [{ receipt: { ...second, seq }, expectedHead }] });
          expect(result).toEqual({ ok: false, conflict: "head" });
        }
        expect(await store.commit(appending(second, first))).toEqual({ ok: true });
      });

      it("let one of two writers win, and both in the end", async () => {
        const writers = [open(), open()];
        const counts = await Promise.all(
          writers.map(async (store, writer) => {
            let conflicts = 0;
            for (let done = 0; done < 25; ) {
              const head = store.head("workspace");
              const receipt = exampleReceipt("workspace", head, { size: writer });
              const result = await store.commit(appending(receipt, head));
              if (result.ok) done++;
              else conflicts++;
            }
            return conflicts;
          }),
        );
        const receipts = open().receipts("workspace");
        expect(receipts.map((receipt) => receipt.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i));
        expect(counts.every((count) => count < 25 * 50)).toBe(true);
        expect(writers[0]?.checkIntegrity()).toEqual([]);
      });

      it("fence a change off when the stream has moved", async () => {
        const store = open();
        const first = exampleReceipt("workspace", undefined);
        const fenced = (head: Head | undefined): Change => ({
          fence: { run: "r1", stream: "workspace", head, dispatches: 0 },
          status: [{ subject: "fenced", status: String(head?.seq) }],
        });
        expect(await store.commit(fenced(undefined))).toEqual({ ok: true });
        await store.commit(appending(first, undefined));
        expect(await store.commit(fenced(undefined))).toEqual({ ok: false, conflict: "fence" });
        expect(store.status("fenced")).toBe("undefined");
        expect(await store.commit(fenced(headOf(first)))).toEqual({ ok: true });
        expect(store.status("fenced")).toBe("0");
        await store.commit({ dispatch: dispatch("r1", "a", 1) });
        expect(await store.commit(fenced(headOf(first)))).toEqual({ ok: false, conflict: "fence" });
      });
    });

    describe("dispatches", () => {
      it("are unique by run, invocation and attempt, and keep their order", async () => {
        const store = open();
        const rows = [dispatch("r1", "b", 1), dispatch("r1", "a", 1), dispatch("r2", "a", 1)];
        for (const row of rows) {
          expect(await store.commit({ dispatch: row, documents: [gateRecord] })).toEqual({ ok: true });
        }
        const twice = await store.commit({ dispatch: dispatch("r1", "a", 1) });
        expect(twice).toEqual({ ok: false, conflict: "dispatch" });
        expect(store.dispatches("r1")).toEqual(rows.slice(0, 2));
      });

      it("are ended once, together with their successor", async () => {
        const store = open();
        await store.commit({ dispatch: dispatch("r1", "a", 1), documents: [gateRecord] });
        const endAttempt = { run: "r1", invocation: "r1/a", attempt: 1, ended };
        expect(await store.commit({ endAttempt, dispatch: dispatch("r1", "a", 2) })).toEqual({ ok: true });
        expect(store.dispatches("r1")).toEqual([
          { ...dispatch("r1", "a", 1), ended },
          dispatch("r1", "a", 2),
        ]);
        const other = await store.commit({ endAttempt: { ...endAttempt, ended: { ...ended, n: 2 } } });
        expect(other).toEqual({ ok: false, conflict: "dispatch" });
        const unknown = await store.commit({ endAttempt: { ...endAttempt, attempt: 9 } });
        expect(unknown).toEqual({ ok: false, conflict: "dispatch" });
      });

      it("of the same attempt by two processes' stores happen once", async () => {
        const results = await Promise.all(
          [open(), open(), open()].map((store) => store.commit({ dispatch: dispatch("r1", "a", 1) })),
        );
        expect(results.filter((result) => result.ok)).toHaveLength(1);
      });
    });

    describe("approvals", () => {
      it("are consumed by one invocation, which may come again", async () => {
        const store = open();
        const approval = digestOf("approval");
        const by = (invocation: string): Change => ({ consume: [{ approval, invocation }] });
        expect(await store.commit(by("r1/a"))).toEqual({ ok: true });
        expect(await store.commit(by("r1/a"))).toEqual({ ok: true });
        expect(await store.commit(by("r1/b"))).toEqual({ ok: false, conflict: "approval-consumed" });
        expect(store.consumed(approval)).toBe("r1/a");
      });

      it("are not consumed twice within one change or one sync", async () => {
        const store = open();
        const approval = digestOf("approval");
        const both = await store.commit({
          consume: [
            { approval, invocation: "r1/a" },
            { approval, invocation: "r1/b" },
          ],
        });
        expect(both).toEqual({ ok: false, conflict: "approval-consumed" });
        const results = await Promise.all(
          ["r1/a", "r1/b"].map((invocation) => store.commit({ consume: [{ approval, invocation }] })),
        );
        expect(results.filter((result) => result.ok)).toHaveLength(1);
      });
    });

    describe("runs", () => {
      it("open once and close once", async () => {
        const store = open();
        const rows = ["r2", "r1"].map((run) => ({ run, document: digestOf(run), opened: digestOf("o") }));
        for (const openRun of rows) expect(await store.commit({ openRun })).toEqual({ ok: true });
        for (const openRun of rows) {
          expect(await store.commit({ openRun })).toEqual({ ok: false, conflict: "run" });
        }
        expect(await store.commit({ closeRun: { run: "r2", closed: digestOf("c") } })).toEqual({ ok: true });
        expect(await store.commit({ closeRun: { run: "r2", closed: digestOf("c") } })).toEqual({
          ok: false,
          conflict: "run",
        });
        expect(await store.commit({ closeRun: { run: "r9", closed: digestOf("c") } })).toEqual({
          ok: false,
          conflict: "run",
        });
        expect(store.runs().map(({ run, closed }) => [run, closed])).toEqual([
          ["r2", digestOf("c")],
          ["r1", undefined],
        ]);
        expect(store.runs({ openOnly: true }).map(({ run }) => run)).toEqual(["r1"]);
      });
    });

    describe("timestamps", () => {
      it("stand beside a receipt, one for each authority, the first that came", async () => {
        const store = open();
        const opened = exampleReceipt("engagement:acme", undefined, { event: "run-opened" });
        const closed = exampleReceipt("engagement:acme", opened, { event: "run-closed" });
        await store.commit({
          ...appending(opened, undefined),
          openRun: { run: "r1", document: digestOf("d"), opened: opened.digest },
        });
        expect(store.unstamped("a")).toEqual([opened.digest]);
        await store.commit({ ...appending(closed, opened), closeRun: { run: "r1", closed: closed.digest } });
        expect(store.unstamped("a")).toEqual([closed.digest, opened.digest]);
        expect(store.unstamped("a", 1)).toEqual([closed.digest]);
        const token = (authority: string, byte: number) => ({
          receipt: opened.digest,
          authority,
          token: Uint8Array.of(byte),
          at: "2026-01-01T00:00:00.000Z",
        });
        await store.commit({ timestamps: [token("b", 1)] });
        await store.commit({ timestamps: [token("a", 2), token("a", 3)] });
        expect(store.timestamps(opened.digest)).toEqual([token("a", 2), token("b", 1)]);
        expect(store.timestamps(closed.digest)).toEqual([]);
        expect(store.unstamped("a")).toEqual([closed.digest]);
        expect(store.unstamped("c")).toHaveLength(2);
        expect(store.checkIntegrity()).toEqual([]);
      });
    });

    describe("status and names", () => {
      it("are replaced, and sorted", async () => {
        const store = open();
        const put = (subject: string, status: string): Change => ({ status: [{ subject, status }] });
        await store.commit(put("engagement:b", "open"));
        await store.commit(put("engagement:a", "open"));
        await store.commit(put("engagement:b", "halted"));
        expect(store.statuses()).toEqual([
          { subject: "engagement:a", status: "open" },
          { subject: "engagement:b", status: "halted" },
        ]);
      });

      it("of streams are listed by prefix, whatever it holds", async () => {
        const store = open();
        for (const stream of ["run:a", "run:a%", "run:b", "rum", "workspace"]) {
          await store.commit(appending(exampleReceipt(stream, undefined), undefined));
        }
        expect(store.streams("run:")).toEqual(["run:a", "run:a%", "run:b"]);
        expect(store.streams("run:a%")).toEqual(["run:a%"]);
        expect(store.streams("")).toHaveLength(5);
        expect(store.streams("x")).toEqual([]);
      });
    });

    describe("leases", () => {
      it("belong to one living owner until given back", async () => {
        const [one, two] = [open(), open()];
        expect(one.leaseHeld("key")).toBe(false);
        expect(await one.acquireLease("key", here("one"))).toBe(true);
        expect(await one.acquireLease("key", here("one"))).toBe(true);
        expect(await two.acquireLease("key", here("two"))).toBe(false);
        expect(two.leaseHeld("key")).toBe(true);
        await two.releaseLease("key", here("two"));
        expect(two.leaseHeld("key")).toBe(true);
        await one.releaseLease("key", here("one"));
        expect(two.leaseHeld("key")).toBe(false);
        expect(await two.acquireLease("key", here("two"))).toBe(true);
      });

      it("of a process that is gone are taken over", async () => {
        const store = open();
        expect(await store.acquireLease("key", { pid: gonePid, token: "gone" })).toBe(true);
        expect(store.leaseHeld("key")).toBe(false);
        expect(await store.acquireLease("key", here("heir"))).toBe(true);
        expect(await store.acquireLease("key", here("late"))).toBe(false);
      });

      it("go to one of many who ask at once", async () => {
        const asked = [open(), open()].flatMap((store, s) =>
          [0, 1, 2].map((i) => store.acquireLease("key", here(`${s}.${i}`))),
        );
        expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
      });
    });

    it("takes 500 concurrent changes, each to its own stream and all to the end", async () => {
      const store = open();
      const results = await Promise.all(
        Array.from({ length: 500 }, (_, i) =>
          store.commit({
            ...appending(exampleReceipt(`engagement:e${i}`, undefined, { size: 500 }), undefined),
            documents: [document(`d${i}`)],
          }),
        ),
      );
      expect(results.every((result) => result.ok)).toBe(true);
      expect(store.streams("engagement:")).toHaveLength(500);
      expect(store.checkIntegrity()).toEqual([]);
    });

    it("refuses changes once it is closed, and keeps those made before", async () => {
      const store = open();
      const pending = store.commit({ documents: [document("last")] });
      store.close();
      store.close();
      stores.pop();
      expect(await pending).toEqual({ ok: true });
      await expect(store.commit({})).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(open().document(document("last").digest)).toEqual(document("last").bytes);
    });

    it("reports bytes that do not have their digest, and chains that do not hold", async () => {
      const store = open();
      const first = exampleReceipt("workspace", undefined);
      await store.commit(appending(first, undefined));
      await store.commit({
        documents: [{ digest: digestOf("other"), bytes: document("this").bytes }],
        blobs: [{ digest: digestOf("other"), bytes: document("this").bytes }],
        dispatch: dispatch("r1", "a", 1),
      });
      const stray = exampleReceipt("workspace", first, { prevHash: digestOf("elsewhere") });
      await store.commit(appending(stray, first));
      const forged = { ...exampleReceipt("workspace", stray), digest: digestOf("forged") };
      await store.commit(appending(forged, stray));
      await store.commit(appending(exampleReceipt("run:r1", undefined), undefined));
      const faults = store.checkIntegrity();
      expect(faults).toHaveLength(6);
      expect(faults.join("\n")).toMatch(/documents `sha256:/);
      expect(faults.join("\n")).toMatch(/blobs `sha256:/);
      expect(faults.join("\n")).toMatch(/gate record is missing/);
      expect(faults.join("\n")).toMatch(/receipt 1 of `workspace`: it does not follow/);
      expect(faults.join("\n")).toMatch(/receipt 2 of `workspace`: its bytes/);
      expect(faults.join("\n")).toMatch(/receipt 0 of `run:r1`: it does not follow a run-opened/);
    });
  });
}
