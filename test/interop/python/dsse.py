"""DSSE envelopes, digests and the Sigstore bundle that a receipt is kept in (spec/receipt.md)."""

import base64
import binascii
import hashlib

from canonical import NotCanonical, parse_canonical

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"


class Malformed(ValueError):
    """A document does not have its form."""


def from_base64(text):
    """Bytes of standard base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise Malformed("no base64") from error
    if base64.b64encode(data).decode() != text:
        raise Malformed("base64 in another spelling")
    return data


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Envelope:
    """One payload with one signature."""

    def __init__(self, value):
        if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
            raise Malformed("no DSSE envelope")
        signatures = value["signatures"]
        if not isinstance(signatures, list) or len(signatures) != 1:
            raise Malformed("an envelope has exactly one signature")
        signature = signatures[0]
        if not isinstance(signature, dict) or set(signature) != {"keyid", "sig"}:
            raise Malformed("no DSSE signature")
        if not all(isinstance(text, str) for text in (value["payload"], value["payloadType"], *signature.values())):
            raise Malformed("no DSSE envelope")
        self.payload_type = value["payloadType"]
        if self.payload_type == "":
            raise Malformed("an envelope without a payload type")
        self.payload = from_base64(value["payload"])
        self.key_id = signature["keyid"]
        self.signature = from_base64(signature["sig"])
        kind = self.payload_type.encode()
        self.signed_bytes = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)
        self.digest = sha256(self.signed_bytes)


class SigstoreBundle:
    """An envelope with a public key hint and, perhaps, timestamps."""

    def __init__(self, data):
        try:
            value = parse_canonical(data)
        except NotCanonical as error:
            raise Malformed(str(error)) from error
        if not isinstance(value, dict) or set(value) != {"dsseEnvelope", "mediaType", "verificationMaterial"}:
            raise Malformed("no Sigstore bundle")
        if value["mediaType"] != BUNDLE_TYPE:
            raise Malformed("no Sigstore bundle v0.3")
        material = value["verificationMaterial"]
        names = {"publicKey", "timestampVerificationData", "tlogEntries"}
        if not isinstance(material, dict) or set(material) != names or material["tlogEntries"] != []:
            raise Malformed("other verification material than a public key hint and timestamps")
        hint = material["publicKey"]
        if not isinstance(hint, dict) or set(hint) != {"hint"} or not isinstance(hint["hint"], str):
            raise Malformed("no public key hint")
        stamps = material["timestampVerificationData"]
        if not isinstance(stamps, dict) or set(stamps) != {"rfc3161Timestamps"}:
            raise Malformed("no timestamp data")
        tokens = stamps["rfc3161Timestamps"]
        if not isinstance(tokens, list) or len(tokens) > 10:
            raise Malformed("no list of at most 10 timestamps")
        self.tokens = []
        for token in tokens:
            if not isinstance(token, dict) or set(token) != {"signedTimestamp"}:
                raise Malformed("no timestamp")
            data = from_base64(token["signedTimestamp"])
            if not 0 < len(data) <= 65_536:
                raise Malformed("a timestamp of no byte, or of over 65,536")
            self.tokens.append(data)
        self.envelope = Envelope(value["dsseEnvelope"])
        if self.envelope.key_id != hint["hint"]:
            raise Malformed("the hint is not the key id of the signature")


def statement_of(envelope):
    """The in-toto statement of an envelope: {_type, subject, predicateType, predicate}."""
    if envelope.payload_type != IN_TOTO:
        raise Malformed("the payload type is not in-toto")
    try:
        value = parse_canonical(envelope.payload)
    except NotCanonical as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, dict) or set(value) != {"_type", "subject", "predicateType", "predicate"}:
        raise Malformed("no in-toto statement")
    if value["_type"] != "https://in-toto.io/Statement/v1" or not isinstance(value["predicateType"], str):
        raise Malformed("no in-toto statement v1")
    if not isinstance(value["subject"], list) or not value["subject"] or not isinstance(value["predicate"], dict):
        raise Malformed("no in-toto statement")
    for subject in value["subject"]:
        digest = subject.get("digest") if isinstance(subject, dict) else None
        if not isinstance(digest, dict) or set(subject) != {"name", "digest"} or set(digest) != {"sha256"}:
            raise Malformed("no subject with a SHA-256")
        text = digest["sha256"]
        if not isinstance(subject["name"], str) or not subject["name"] or not isinstance(text, str) or len(text) != 64:
            raise Malformed("no subject with a SHA-256")
        if set(text) - set("0123456789abcdef"):
            raise Malformed("no subject with a SHA-256")
    return value
