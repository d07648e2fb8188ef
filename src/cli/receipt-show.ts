import { canonicalJson } from "../format/canonical-json.ts";
import { IN_TOTO_PAYLOAD_TYPE } from "../format/dsse.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { toSigstoreBundle } from "../receipt/sigstore-bundle.ts";
import { argument, defineCommand, flag } from "./command.ts";
import { exit } from "./exit.ts";
import { findReceipt } from "./find-receipt.ts";
import { withLedger } from "./open-ledger.ts";

export const command = defineCommand({
  parameters: {
    receipt: argument("a digest, its first hex digits, or `stream/seq`"),
    sigstore: flag("--sigstore", "the signed receipt as a Sigstore bundle v0.3"),
  },
  example: "receipt show workspace/0 --sigstore",
  async run({ receipt, sigstore }, context) {
    const { stored, timestamps } = await withLedger(context, (store) => {
      const found = findReceipt(store, receipt);
      return { stored: found, timestamps: store.timestamps(found.digest) };
    });
    if (sigstore) {
      // Canonical, as in a bundle: what is printed is what `verify` reads.
      const text = canonicalJson(
        toSigstoreBundle(
          {
            payloadType: IN_TOTO_PAYLOAD_TYPE,
            payload: stored.payload,
            signature: { keyId: stored.keyId, sig: stored.sig },
          },
          timestamps.map(({ token }) => token),
        ),
      );
      return {
        exit: exit.done,
        json: JSON.parse(text),
        print: (out) => out.bytes(new TextEncoder().encode(`${text}\n`)),
      };
    }
    const statement = readReceipt(stored.payload);
    const { predicate, subject } = statement;
    const { invocation } = predicate;
    return {
      exit: exit.done,
      json: { digest: stored.digest, keyId: stored.keyId, statement },
      print(out) {
        out.pairs([
          ["receipt", stored.digest],
          ["event", predicate.event],
          ["stream", `${predicate.ledger.stream}, ${predicate.ledger.seq}`],
          ["follows", predicate.ledger.prevHash ?? "nothing: the first of its stream"],
          ["time", `${predicate.time.claimedUtc} (host's claim)`],
          [
            "stamped by",
            timestamps.length === 0 ? undefined : timestamps.map(({ authority }) => authority).join(", "),
          ],
          ["actor", `${predicate.actor.principal} by ${predicate.actor.origin}`],
          ["signed by", stored.keyId],
          ["objective", predicate.intent.objective],
          ["engagement", pinned(predicate.engagement)],
          ["runbook", pinned(predicate.runbook)],
          ["contract", pinned(predicate.contract)],
          ["step", predicate.step?.id],
          ["outcome", invocation?.outcome],
          ["error class", invocation?.errorClass],
          ["action", invocation?.actionDigest],
          ["attempts", invocation === undefined ? undefined : String(invocation.attempts.length)],
          ["exceptions", predicate.exceptions.length === 0 ? undefined : predicate.exceptions.join(", ")],
        ]);
        if (predicate.gates !== undefined) {
          out.heading("gates");
          out.table(
            ["gate", "decision", "reason"],
            predicate.gates.map(({ gate, decision, reason }) => [gate, decision, reason]),
          );
        }
        out.heading("about");
        out.table(
          ["subject", "sha256"],
          subject.map(({ name, digest }) => [name, digest.sha256]),
        );
        if (predicate.detail !== undefined) {
          out.heading("detail");
          out.pairs(Object.entries(predicate.detail).map(([name, value]) => [name, plain(value)]));
        }
        out.heading("what this proves");
        out.line(predicate.verificationScope.text);
        out.pairs([
          ["attests", predicate.verificationScope.attests],
          ["does not attest", predicate.verificationScope.doesNotAttest],
        ]);
      },
    };
  },
});

function pinned(document: { id: string; version: string } | undefined): string | undefined {
  return document === undefined ? undefined : `${document.id}@${document.version}`;
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
