"""What a key signed that was retired, revoked, or in other hands (spec/keys.md)."""

import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from keys import fingerprint
from people import Refused, is_listed, keys_of, signed_statement, trusted_principals
from schema import millis

LATER = 10_000
RECORDS = {
    "approval-recorded": ("approval", "approval"), "answer-recorded": ("answer", "answer"),
    "break-glass-recorded": ("break-glass", "breakGlass"), "step-resolved": ("resolution", "resolution"),
    "break-glass-reviewed": ("review", "review"), "conclusion-recorded": ("conclusion", "conclusion"),
    "conclusion-withdrawn": ("withdrawal", "withdrawal"), "artifact-retired": ("lifecycle", "lifecycle"),
    "artifact-hold-ended": ("lifecycle", "lifecycle"), "artifact-redacted": ("lifecycle", "lifecycle"),
}  # fmt: skip


def ids_of(key):
    """A key's id in every form in which it is written."""
    raw = key.key
    out = {key.key_id, fingerprint(raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))}
    text = lambda data: struct.pack(">I", len(data)) + data
    if isinstance(raw, Ed25519PublicKey):
        out.add(fingerprint(text(b"ssh-ed25519") + text(raw.public_bytes(Encoding.Raw, PublicFormat.Raw))))
    elif isinstance(raw, ec.EllipticCurvePublicKey) and isinstance(raw.curve, ec.SECP256R1):
        point = raw.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        out.add(fingerprint(text(b"ecdsa-sha2-nistp256") + text(b"nistp256") + text(point)))
    return out


class Revocation:
    """A revocation that was signed as it must be, and by which key."""

    def __init__(self, said, receipt, key):
        self.key_id, self.since, self.receipt, self.ids = said["keyId"], millis(said["since"]), receipt, ids_of(key)
        self.what = f"the revocation of {self.key_id}"


class Compromise:
    def __init__(self, reading, report, runs, trust, roots, certificates, time, log):
        self.reading, self.layer, self.structure = reading, report["signatures"], report["structure"]
        self.runs, self.trust, self.roots, self.certificates = runs, trust, roots, certificates
        self.time, self.log = time, log
        self.principals = [run.principals["principals"] for run in runs.values() if run.document and run.principals]
        # Key id: (instant since which it counts as compromised, receipt of its `key-revoked` or None).
        self.known = {}

    def check(self):
        for one in (self.trust or {}).get("compromised", []):
            self.add(one["keyId"], millis(one["since"]), None)
        made = []
        for receipt in self.reading.receipts:
            if receipt.usable and receipt.event == "key-revoked" and receipt.stream == "workspace":
                found = self.read_revocation(receipt)
                made += [found] if found else []
        self.judge_revocations(made)
        self.check_retired()
        if self.known:
            self.check_signers()
            self.check_certificates()
            self.check_people()

    def judge_revocations(self, made):
        """Whether what revokes other keys was signed with a key in other hands itself: judged before anything else."""
        clean = []
        for one in made:
            if all(self.judge_one(since, None, one.receipt, one.what) for key_id in one.ids for since, _ in self.known.get(key_id, [])):
                clean.append(one)
        first, aside, ended = [], [], set()
        for one in clean:
            if one.ids & ended:
                aside.append(one)
            else:
                first.append(one)
                ended.add(one.key_id)
        counted = []
        against = lambda one: [other for other in counted if other.key_id in one.ids]
        for one in reversed(first):
            if all([self.judge_one(other.since, other.receipt, one.receipt, one.what) for other in against(one)]):
                counted.append(one)
        for one in aside:
            for other in against(one):
                self.judge_one(other.since, other.receipt, one.receipt, one.what)
        for one in counted:
            self.add(one.key_id, one.since, one.receipt)

    def add(self, key_id, since, receipt):
        self.known.setdefault(key_id, []).append((since, receipt))

    # Revocations.

    def read_revocation(self, receipt):
        detail = receipt.detail
        stored = self.reading.envelopes["key-revocation"].get(detail.get("revocation"))
        self.reading.cite("key-revocation", detail.get("revocation"))
        if stored is None and ("key-revocation", detail.get("revocation")) in self.reading.present:
            return None
        if stored is None:
            self.structure.fail("COMPLETENESS", "the revocation that the receipt names is absent", receipt.where)
            return
        envelope, said = stored
        if any(detail.get(name) != said[name] for name in ("keyId", "since", "reason")):
            self.structure.fail("DIGEST_MISMATCH", "the revocation is about something else than its receipt", receipt.where)
            return
        key = self.by_person(receipt, stored) if "principal" in said else self.by_root(receipt, envelope)
        return Revocation(said, receipt, key) if key is not None else None

    def by_root(self, receipt, envelope):
        standing = [one for one in self.roots if one.ended is None or one.ended > receipt.seq]
        for one in standing:
            if one.key.signed(envelope):
                return one.key
        made = any(one.key.signed(envelope) for one in self.roots)
        if not made and all(one.key.key_id != envelope.key_id for one in self.roots):
            self.layer.doubt("a root that the bundle does not know made this revocation")
            return None
        self.layer.fail("SIGNATURE_INVALID", "no root that had not ended made this revocation", receipt.where)
        return None

    def by_person(self, receipt, stored):
        name, found = stored[1]["principal"], False
        for principals in self.principals:
            who = next((one for one in principals if one["id"] == name), None)
            if who is None:
                continue
            found = True
            if not self.is_owner(stored, principals, receipt):
                self.layer.fail("SIGNATURE_INVALID", f"`{name}` did not sign this revocation, or may not", receipt.where)
                return None
        if not found:
            self.layer.doubt(f"nothing in the bundle says who `{name}` is, who revoked a key")
            return None
        if self.trust is not None:
            if not is_listed(self.trust, name):
                self.layer.doubt(f"the trust file does not list `{name}`, who revoked a key")
            elif not self.is_owner(stored, trusted_principals(self.principals[0], self.trust), receipt):
                self.layer.fail("SIGNATURE_INVALID", f"the revocation by `{name}` does not hold by the trust file", receipt.where)
        return next(iter(self.keys_that_signed(stored[0], name)))

    def is_owner(self, stored, principals, receipt):
        try:
            signed = signed_statement(stored, principals, receipt.at)
        except Refused:
            return False
        who = next(one for one in principals if one["id"] == stored[1]["principal"])
        return signed.custody == "held" and "owner" in who["roles"]

    # Retirement.

    def check_retired(self):
        retired = [one for one in self.reading.receipts if one.usable and one.event == "key-retired"]
        for end in retired:
            for receipt in self.reading.receipts:
                if receipt.usable and self.signer(receipt.envelope) == end.detail.get("keyId") and self.is_later(receipt, end):
                    self.layer.fail("SIGNATURE_INVALID", "the key was retired", receipt.where)
            claim = self.reading.claim_envelope
            if claim is not None and self.reading.claim and self.signer(claim) == end.detail.get("keyId"):
                if millis(self.reading.claim["exportedAt"]) > end.at + LATER:
                    self.layer.fail("SIGNATURE_INVALID", "the key was retired", "the claim")

    def signer(self, envelope):
        """Id of the certified key that made a signature, or None."""
        if not hasattr(envelope, "signer"):
            envelope.signer = next((one.key for one in self.certificates if one.key.signed(envelope)), None)
        return envelope.signer.key_id if envelope.signer is not None else None

    def is_later(self, receipt, end):
        if receipt.stream == "workspace":
            return receipt.seq > end.seq
        return receipt.at > end.at + LATER

    # What a compromised key signed.

    def judge(self, key, receipt, what):
        """`receipt` is the one by which the signature is judged; None for the claim."""
        for key_id in ids_of(key):
            for since, revoked in self.known.get(key_id, []):
                self.judge_one(since, revoked, receipt, what)

    def judge_one(self, since, revoked, receipt, what):
        """Whether what was signed was certainly signed before the key was in other hands."""
        if receipt is None:
            at = millis(self.reading.claim["exportedAt"])
            later = revoked is not None and at > revoked.at + LATER
            low = None
        else:
            later = revoked is not None and self.is_later(receipt, revoked)
            low = self.time.not_before(receipt, self.log)
        high = self.time.not_after(receipt, self.log)
        if later or (low is not None and low >= since):
            self.layer.fail("SIGNATURE_INVALID", f"{what} was made by a key in other hands")
            return False
        if high is None or high >= since:
            self.layer.doubt(f"nobody knows whether {what} was made before its key was in other hands")
            return False
        return True

    def check_signers(self):
        for receipt in self.reading.receipts:
            if receipt.usable and self.signer(receipt.envelope) is not None:
                self.judge(receipt.envelope.signer, receipt, receipt.where)
        claim = self.reading.claim_envelope
        if claim is not None and self.reading.claim and self.signer(claim) is not None:
            self.judge(claim.signer, None, "the claim")

    def check_certificates(self):
        for certificate in self.certificates:
            receipt = next(
                (
                    one for one in self.reading.receipts
                    if one.usable and one.event == "key-certified" and one.detail.get("certificate") == certificate.digest
                ),
                None,
            )  # fmt: skip
            if receipt is not None:
                self.judge(certificate.root.key, receipt, f"the certificate of {certificate.key.key_id}")
        for root in self.roots[1:]:
            self.judge(root.maker.key, root.receipt, f"the certificate of {root.key.key_id}")

    def check_people(self):
        for receipt in self.reading.receipts:
            if not receipt.usable:
                continue
            if receipt.event == "engagement-authorized":
                stored = self.reading.envelopes["authorization"].get(receipt.detail.get("authorization"))
                name = stored[1]["predicate"]["principal"] if stored else None
            elif receipt.event in RECORDS:
                kind, member = RECORDS[receipt.event]
                stored = self.reading.envelopes[kind].get(receipt.detail.get(member))
                name = stored[1]["principal"] if stored and stored[1] else None
            else:
                continue
            if name is not None:
                for key in self.keys_that_signed(stored[0], name):
                    self.judge(key, receipt, f"what `{name}` signed")

    def keys_that_signed(self, envelope, name):
        out = {}
        for principals in self.principals:
            for one in principals:
                if one["id"] == name:
                    for key, _ in keys_of(one):
                        if key.signed(envelope):
                            out[key.key_id] = key
        return out.values()
