import { hexOf } from "../format/digest.ts";
import type { Bundle } from "./bundle.ts";
import { placed } from "./check-document.ts";
import { rootCertificateOf } from "./issuer-roots.ts";
import { keyRevocationOf } from "./key-revocations.ts";
import type { Findings } from "./layer.ts";
import type { Receipt } from "./read-receipts.ts";

/** Checks that the statement which a `root-rotated` or `key-revoked` receipt names is there and says what it says. */
export function checkKeyStatement(bundle: Bundle, { predicate, digest }: Receipt, findings: Findings): void {
  const { event, detail } = predicate;
  if (event !== "root-rotated" && event !== "key-revoked") return;
  const at = { receipt: digest };
  const rotated = event === "root-rotated";
  const kind = rotated ? "root-certificate" : "key-revocation";
  const named = String(rotated ? detail?.certificate : detail?.revocation);
  const envelope = bundle.envelope(kind, named);
  if (envelope === undefined) {
    findings.fail("FAILURE_COMPLETENESS", `the ${kind} that the receipt names is absent`, at);
    return;
  }
  const read = rotated ? rootCertificateOf(envelope) : keyRevocationOf(envelope);
  if ("faults" in read) {
    const path = `definitions/${kind}/${hexOf(named as `sha256:${string}`)}.json`;
    findings.failAll(placed(read.faults, { path }));
    return;
  }
  const said: readonly (readonly [unknown, unknown])[] =
    "certificate" in read.value
      ? [
          [read.value.certificate.previous, detail?.previous],
          [read.value.certificate.keyId, (detail?.root as { keyId?: unknown } | undefined)?.keyId],
          [
            read.value.certificate.publicKey,
            (detail?.root as { publicKey?: unknown } | undefined)?.publicKey,
          ],
        ]
      : [
          [read.value.keyId, detail?.keyId],
          [read.value.since, detail?.since],
          [read.value.reason, detail?.reason],
        ];
  if (said.some(([signed, stated]) => signed !== stated))
    findings.fail("FAILURE_DIGEST_MISMATCH", `the receipt says otherwise than the ${kind} it names`, at);
}
