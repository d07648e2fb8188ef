"""Issuer roots that follow one another, and keys that end (spec/keys.md)."""

from dsse import Malformed, sha256
from keys import PlainKey


class Root:
    def __init__(self, key, certificate=None, made_at=None):
        self.key, self.certificate, self.made_at = key, certificate, made_at
        # `seq` in the workspace's stream of the receipt by which the root after it came.
        self.ended = None


def roots_of(reading, layer, fail_structure):
    """The roots of a workspace, in order."""
    roots = []
    for receipt in reading.receipts:
        if not receipt.usable or receipt.stream != "workspace":
            continue
        if receipt.event == "workspace-created" and not roots:
            try:
                roots.append(Root(PlainKey(receipt.detail["root"]["publicKey"])))
            except (Malformed, TypeError, KeyError):
                return []
        elif receipt.event == "root-rotated" and roots:
            follow(reading, receipt, roots, layer, fail_structure)
    return roots


def follow(reading, receipt, roots, layer, fail_structure):
    """One more root, when an earlier one that had not ended certified it."""
    stored = reading.envelopes["root-certificate"].get(receipt.detail.get("certificate"))
    reading.cite("root-certificate", receipt.detail.get("certificate"))
    if stored is None and ("root-certificate", receipt.detail.get("certificate")) in reading.present:
        return
    if stored is None:
        fail_structure("COMPLETENESS", "the root certificate that the receipt names is absent", receipt.where)
        return
    envelope, statement = stored
    predicate, detail = statement["predicate"], receipt.detail
    try:
        key = PlainKey(predicate["publicKey"])
    except Malformed as error:
        fail_structure("BUNDLE_MALFORMED", str(error), receipt.where)
        return
    subject = [(one["name"], one["digest"]["sha256"]) for one in statement["subject"]]
    named = {"publicKey": predicate["publicKey"], "keyId": predicate["keyId"]}
    fits = subject == [("issuer-root", sha256(key.spki)[7:])] and predicate["keyId"] == key.key_id
    if not fits or (detail.get("previous"), detail.get("root")) != (predicate["previous"], named):
        fail_structure("DIGEST_MISMATCH", "the receipt names another root than its certificate", receipt.where)
    if not fits:
        return
    made = next((root for root in roots if root.key.signed(envelope)), None)
    if made is None or made.key.key_id != predicate["previous"] or made.ended is not None:
        layer.fail("SIGNATURE_INVALID", "no root that had not ended made this root certificate", receipt.where)
        return
    roots[-1].ended = receipt.seq
    roots.append(Root(key, stored, predicate["issuedAt"]))
    roots[-1].receipt, roots[-1].maker = receipt, made
