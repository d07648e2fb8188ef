"""Layer 5: RFC 3161 tokens over the signatures of receipts and claim, and the bounds that they put (spec/time.md)."""

import hashlib
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from der import BOOLEAN, INTEGER, OCTETS, SEQUENCE, SET, TIME, whole
from dsse import Malformed, from_base64
from schema import millis
from trust import in_force

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
HASHES = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256, "2.16.840.1.101.3.4.2.2": hashes.SHA384, "2.16.840.1.101.3.4.2.3": hashes.SHA512,
}  # fmt: skip
SIGNATURES = {
    "1.2.840.113549.1.1.1": ("rsa", None), "1.2.840.113549.1.1.11": ("rsa", hashes.SHA256),
    "1.2.840.113549.1.1.12": ("rsa", hashes.SHA384), "1.2.840.113549.1.1.13": ("rsa", hashes.SHA512),
    "1.2.840.10045.4.3.2": ("ec", hashes.SHA256), "1.2.840.10045.4.3.3": ("ec", hashes.SHA384),
    "1.2.840.10045.4.3.4": ("ec", hashes.SHA512),
}  # fmt: skip
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
BASIC, USAGE, EXTENDED = "2.5.29.19", "2.5.29.15", "2.5.29.37"
MAX_CERTIFICATES = 16


class Invalid(Exception):
    """The token does not hold."""


class NotChecked(Exception):
    """The token says something that is not looked at here, and does not count."""


def algorithm(node):
    """(identifier, parameters) of an AlgorithmIdentifier."""
    parts = node.expect(SEQUENCE).children()
    if not 1 <= len(parts) <= 2:
        raise Malformed("no AlgorithmIdentifier")
    return parts[0].oid(), parts[1] if len(parts) == 2 else None


class Certificate:
    """X.509 in DER: what a path needs of it."""

    def __init__(self, data):
        self.data = data
        outer = whole(data).expect(SEQUENCE).children()
        if len(outer) != 3:
            raise Malformed("no certificate")
        body, self.signature_node = outer[0].expect(SEQUENCE), outer[2].expect(0x03)
        self.signed, self.algorithm = body.whole, algorithm(outer[1])
        parts = body.children()
        at = 1 if parts[0].tag == 0xA0 else 0
        self.serial = parts[at].integer()
        self.issuer, self.subject, self.spki = parts[at + 2].whole, parts[at + 4].whole, parts[at + 5].whole
        times = parts[at + 3].expect(SEQUENCE).children()
        self.not_before, self.not_after = (certificate_time(one) for one in times)
        self.extensions = {}
        for node in parts[at + 6 :]:
            if node.tag == 0xA3:
                for entry in whole(node.content).expect(SEQUENCE).children():
                    self.add_extension(entry.expect(SEQUENCE).children())
        if not self.signature_node.content or self.signature_node.content[0] != 0:
            raise Malformed("a signature with unused bits")
        self.signature = self.signature_node.content[1:]

    def add_extension(self, parts):
        name, critical = parts[0].oid(), False
        if len(parts) == 3:
            critical = parts[1].boolean()
            if not critical:
                raise Malformed("a default that is written out")
        if name in self.extensions:
            raise Malformed("an extension twice")
        self.extensions[name] = (critical, parts[-1].expect(OCTETS).content)

    def key(self):
        try:
            found = x509.load_der_x509_certificate(self.data).public_key()
        except (ValueError, UnsupportedAlgorithm, TypeError) as error:
            raise NotChecked("a key that cannot be read") from error
        if isinstance(found, rsa.RSAPublicKey) and 2048 <= found.key_size <= 8192:
            return found
        if isinstance(found, ec.EllipticCurvePublicKey) and isinstance(found.curve, (ec.SECP256R1, ec.SECP384R1)):
            return found
        raise NotChecked("a key of another kind")

    def valid_at(self, at):
        return self.not_before <= at <= self.not_after + 999

    def usage(self, bit):
        """Whether the key usage, if any, includes a bit."""
        if USAGE not in self.extensions:
            return True
        data = whole(self.extensions[USAGE][1]).expect(0x03).content
        bits = data[1:]
        return bit // 8 < len(bits) and bool(bits[bit // 8] & 0x80 >> bit % 8)

    def only_known_critical(self):
        return all(name in (BASIC, USAGE, EXTENDED) for name, (critical, _) in self.extensions.items() if critical)

    def basic(self):
        """(cA, pathLenConstraint) of basicConstraints."""
        if BASIC not in self.extensions:
            return False, None
        parts = whole(self.extensions[BASIC][1]).expect(SEQUENCE).children()
        authority = bool(parts) and parts[0].tag == BOOLEAN and parts[0].boolean()
        length = next((one.integer() for one in parts if one.tag == INTEGER), None)
        return authority, length

    def is_stamper(self):
        critical, data = self.extensions.get(EXTENDED, (False, b""))
        if not critical:
            return False
        purposes = [one.oid() for one in whole(data).expect(SEQUENCE).children()]
        return purposes == [TIME_STAMPING]


def certificate_time(node):
    text = node.content.decode("ascii", "replace")
    if node.tag == 0x17 and re.fullmatch("[0-9]{12}Z", text):
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif node.tag != TIME or not re.fullmatch("[0-9]{14}Z", text):
        raise Malformed("no time of a certificate")
    at = millis(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z")
    if at is None:
        raise Malformed("no time of a certificate")
    return at


def verify_with(key, signature, message, kind, hash_type):
    if isinstance(key, rsa.RSAPublicKey) != (kind == "rsa"):
        return False
    try:
        if kind == "rsa":
            key.verify(signature, message, padding.PKCS1v15(), hash_type())
        else:
            key.verify(signature, message, ec.ECDSA(hash_type()))
        return True
    except (InvalidSignature, ValueError):
        return False


class Token:
    """A token over the bytes of a signature: `at` and `accuracy` in milliseconds, the signer's certificate."""

    def __init__(self, data, stamped, listed):
        try:
            self.read(data, stamped)
            self.find_signer(listed)
        except (Malformed, IndexError, ValueError) as error:
            raise Invalid(str(error)) from error

    def read(self, data, stamped):
        parts = whole(data).expect(SEQUENCE).children()
        if parts[0].expect(SEQUENCE).children()[0].integer() not in (0, 1) or len(parts) != 2:
            raise Invalid("nothing was granted")
        info = parts[1].expect(SEQUENCE).children()
        if info[0].oid() != SIGNED_DATA or len(info) != 2:
            raise Invalid("the token is no signed data")
        signed = whole(info[1].expect(0xA0).content).expect(SEQUENCE).children()
        if signed[0].integer() != 3:
            raise Invalid("another version of signed data")
        content = signed[2].expect(SEQUENCE).children()
        if content[0].oid() != TST_INFO or len(content) != 2:
            raise Invalid("the content is no TSTInfo")
        self.content = whole(content[1].expect(0xA0).content).expect(OCTETS).content
        self.certificates = []
        for node in signed[3:-1]:
            if node.tag == 0xA0:
                self.certificates = [Certificate(one.whole) for one in node.children()]
            elif node.tag != 0xA1:
                raise Malformed("another member of signed data")
        if len(self.certificates) > MAX_CERTIFICATES:
            raise Malformed("more than 16 certificates")
        self.signers = signed[-1].expect(SET).children()
        self.read_info(stamped)

    def read_info(self, stamped):
        parts = whole(self.content).expect(SEQUENCE).children()
        if parts[0].integer() != 1:
            raise Invalid("another version of TSTInfo")
        parts[1].oid()
        imprint = parts[2].expect(SEQUENCE).children()
        name, parameters = algorithm(imprint[0])
        if name != "2.16.840.1.101.3.4.2.1" or (parameters is not None and parameters.whole != b"\x05\x00"):
            raise Invalid("an imprint other than SHA-256")
        if imprint[1].expect(OCTETS).content != hashlib.sha256(stamped).digest():
            raise Invalid("the token is over something else")
        parts[3].integer()
        text = parts[4].expect(TIME).content.decode("ascii", "replace")
        match = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:[.]([0-9]{1,9}))?Z", text)
        if match is None or (match.group(7) or "1").endswith("0"):
            raise Invalid("no genTime")
        y, month, d, h, m, s, fraction = match.groups()
        self.at = millis(f"{y}-{month}-{d}T{h}:{m}:{s}Z")
        if self.at is None:
            raise Invalid("no genTime")
        # What is finer than a millisecond counts as a whole one.
        self.at += -(-int(((fraction or "") + "0" * 9)[:9]) // 10**6)
        self.accuracy = 0
        for node in parts[5:]:
            if node.tag == SEQUENCE:
                self.read_accuracy(node)
            elif node.tag == 0xA1:
                for entry in whole(b"\x30" + node.whole[1:]).children():
                    if any(one.tag == BOOLEAN and one.boolean() for one in entry.children()):
                        raise Invalid("a critical extension")

    def read_accuracy(self, node):
        micros = 0
        for part in node.children():
            value = int.from_bytes(part.content, "big", signed=True)
            if value < 0:
                raise Malformed("an accuracy below 0")
            micros += value * {INTEGER: 10**6, 0x80: 1000, 0x81: 1}[part.tag] if part.tag in (INTEGER, 0x80, 0x81) else 0
        self.accuracy = -(-micros // 1000)

    def find_signer(self, listed):
        if len(self.signers) != 1:
            raise Invalid("not exactly one signer")
        parts = self.signers[0].expect(SEQUENCE).children()
        if parts[1].tag == 0x80:
            raise NotChecked("a signer named by key identifier")
        if parts[0].integer() != 1:
            raise Invalid("another version of SignerInfo")
        issuer, serial = parts[1].expect(SEQUENCE).children()
        digest_name, _ = algorithm(parts[2])
        attributes = next((one for one in parts[3:] if one.tag == 0xA0), None)
        if attributes is None:
            raise Invalid("no signed attributes")
        rest = [one for one in parts[3:] if one.tag not in (0xA0, 0xA1)]
        signature_name, parameters = algorithm(rest[0])
        signature = rest[1].expect(OCTETS).content
        if digest_name not in HASHES:
            raise NotChecked("another digest algorithm")
        hash_type = HASHES[digest_name]
        found = self.attributes_of(attributes)
        self.check_attributes(found, hash_type)
        kind, named = SIGNATURES.get(signature_name, (None, None))
        if kind is None:
            raise NotChecked("another signature algorithm")
        if named is not None and named is not hash_type:
            raise Invalid("another digest than the SignerInfo's")
        message = b"\x31" + attributes.whole[1:]
        self.choose(issuer.whole, serial.integer(), found, signature, message, kind, hash_type, listed)

    def attributes_of(self, node):
        found = {}
        for entry in node.children():
            parts = entry.expect(SEQUENCE).children()
            name, values = parts[0].oid(), parts[1].expect(SET).children()
            if name in found or len(parts) != 2:
                raise Invalid("an attribute twice")
            found[name] = values
        return found

    def check_attributes(self, found, hash_type):
        kind, digest = found.get(CONTENT_TYPE, []), found.get(MESSAGE_DIGEST, [])
        if len(kind) != 1 or kind[0].oid() != TST_INFO:
            raise Invalid("no attribute contentType of TSTInfo")
        made = hashes.Hash(hash_type())
        made.update(self.content)
        if len(digest) != 1 or digest[0].expect(OCTETS).content != made.finalize():
            raise Invalid("the attribute messageDigest is of something else")

    def choose(self, issuer, serial, found, signature, message, kind, hash_type, listed):
        fitting = [one for one in [*self.certificates, *listed] if (one.issuer, one.serial) == (issuer, serial)]
        if not fitting:
            raise NotChecked("the signer's certificate is not there")
        if CERTIFICATE_V2 in found:
            fitting = [one for one in fitting if self.fits_v2(one, found[CERTIFICATE_V2])]
            if not fitting:
                raise Invalid("the attribute signingCertificateV2 names another certificate")
        unread = None
        for one in fitting:
            try:
                key = one.key()
            except NotChecked as what:
                unread = what
                continue
            if verify_with(key, signature, message, kind, hash_type):
                self.signer = one
                self.check_signer()
                return
        raise unread or Invalid("the signature does not verify")

    def fits_v2(self, certificate, values):
        ids = values[0].expect(SEQUENCE).children()[0].expect(SEQUENCE).children()
        parts = ids[0].expect(SEQUENCE).children()
        name = "2.16.840.1.101.3.4.2.1"
        if parts[0].tag == SEQUENCE:
            name, _ = algorithm(parts.pop(0))
        if name not in HASHES:
            raise NotChecked("another digest algorithm")
        made = hashes.Hash(HASHES[name]())
        made.update(certificate.data)
        if parts[0].expect(OCTETS).content != made.finalize():
            return False
        if len(parts) == 1:
            return True
        names, serial = parts[1].expect(SEQUENCE).children()
        directory = names.children()
        same_issuer = len(directory) == 1 and directory[0].tag == 0xA4 and directory[0].content == certificate.issuer
        return same_issuer and serial.integer() == certificate.serial

    def check_signer(self):
        signer = self.signer
        if not signer.valid_at(self.at):
            raise Invalid("the signer's certificate was not valid")
        if not signer.is_stamper() or not (signer.usage(0) or signer.usage(1)) or not signer.only_known_critical():
            raise Invalid("the signer's certificate is not for time-stamps")


class Path:
    """Whether a path leads from a token's signer to a certificate authority that the trust file lists."""

    def __init__(self, token, authority, certificates):
        self.token, self.authority = token, authority
        self.listed = {one.data for one in certificates if one.basic()[0]}
        self.known = [*token.certificates, *certificates]
        self.tried = 0

    def holds(self):
        if not in_force(self.authority, self.token.at):
            return False
        return self.climb(self.token.signer, [self.token.signer])

    def climb(self, certificate, so_far):
        if len(so_far) > 8:
            return False
        if certificate.data in self.listed and len(so_far) > 1:
            return True
        for issuer in self.known:
            if issuer.subject != certificate.issuer or any(issuer.data == one.data for one in so_far):
                continue
            if self.fits(issuer, certificate, len(so_far) - 1) and self.climb(issuer, [*so_far, issuer]):
                return True
        return False

    def fits(self, issuer, certificate, below):
        authority, length = issuer.basic()
        fine = authority and (length is None or length >= below) and issuer.usage(5)
        if not fine or not issuer.only_known_critical() or not issuer.valid_at(self.token.at):
            return False
        kind, hash_type = SIGNATURES.get(certificate.algorithm[0], (None, None))
        self.tried += 1
        if hash_type is None or self.tried > 64:
            return False
        try:
            return verify_with(issuer.key(), certificate.signature, certificate.signed, kind, hash_type)
        except NotChecked:
            return False

    def is_named(self):
        """Whether the names alone lead to a listed authority."""
        names, reached = [self.token.signer.issuer], set()
        subjects = {one.subject for one in self.known if one.data in self.listed}
        while names:
            name = names.pop()
            if name in reached:
                continue
            reached.add(name)
            if name in subjects:
                return True
            names += [one.issuer for one in self.known if one.subject == name]
        return False


def agreed_by(stamps, threshold):
    """The earliest instant by which so many authorities agree, each with a key of its own: stamps are {(authority, key): at}."""
    for at in sorted(set(stamps.values())):
        if most_pairs({pair for pair, by in stamps.items() if by <= at}) >= threshold:
            return at
    return None


def most_pairs(pairs):
    """Size of the largest matching of authorities and keys (augmenting paths, one authority after another)."""
    holder = {}

    def place(authority, tried):
        for key in sorted(key for name, key in pairs if name == authority and key not in tried):
            if key in tried:
                continue
            tried.add(key)
            if key not in holder or place(holder[key], tried):
                holder[key] = authority
                return True
        return False

    return sum(place(authority, set()) for authority in sorted({name for name, _ in pairs}))


class TimeLayer:
    """The tokens of a bundle, and the bounds that they and the log's witnesses put."""

    def __init__(self, reading, report, runs, trust):
        self.reading, self.layer, self.runs, self.trust = reading, report["timestamps"], runs, trust
        self.authorities = []
        for one in (trust or {}).get("timeAuthorities", []):
            self.authorities.append((one, [Certificate(from_base64(text)) for text in one["certificates"]]))
        self.threshold = (trust or {}).get("timeThreshold", 1)
        # Upper bounds by authority and key, of receipts by digest and of the claim.
        self.stamped, self.intact, self.unchecked = {}, set(), set()
        self.receipts = {one.digest: one for one in reading.receipts}

    def check(self):
        tokens = [(one, one.tokens, one.envelope) for one in self.reading.receipts if one.usable]
        if self.reading.claim_envelope is not None:
            tokens.append((None, self.reading.claim_tokens, self.reading.claim_envelope))
        self.layer.present = any(list_ for _, list_, _ in tokens)
        for receipt, list_, envelope in tokens:
            for data in list_:
                self.check_token(receipt, data, envelope)
        self.layer.anchored = "not-applicable"
        counted = [place for place, by in self.stamped.items() if most_pairs(by) >= self.threshold]
        untested = self.check_promise()
        if counted and not untested:
            self.layer.anchored = "established"

    def check_token(self, receipt, data, envelope):
        where = "the claim" if receipt is None else receipt.where
        place = None if receipt is None else receipt.digest
        try:
            listed = [one for _, certificates in self.authorities for one in certificates]
            token = Token(data, envelope.signature, listed)
        except Invalid as why:
            self.layer.fail("TIMESTAMP_INVALID", f"a token does not hold: {why}", where)
            return
        except NotChecked:
            self.unchecked.add(place)
            return
        self.intact.add(place)
        paths = [(one["name"], Path(token, one, certificates)) for one, certificates in self.authorities]
        holding = [name for name, path in paths if path.holds()]
        for name in holding:
            by, pair = self.stamped.setdefault(place, {}), (name, token.signer.spki)
            by[pair] = min(by.get(pair, token.at + token.accuracy), token.at + token.accuracy)
        if not holding and any(path.is_named() for _, path in paths):
            self.layer.fail("TIMESTAMP_INVALID", "no path to the authority that a token names holds", where)

    def check_promise(self):
        """Whether something that was promised or required is untested."""
        untested = False
        required = "time" in (self.trust or {}).get("require", [])
        for run in self.runs.values():
            if run.document is None:
                continue
            promised = "time" in run.document["requiredLayers"]
            for receipt in [run.opened] + ([run.closed] if run.closed is not None else []):
                place = receipt.digest
                if promised and place not in self.intact and place not in self.unchecked:
                    self.layer.fail("COMPLETENESS", "a promised time-stamp is absent", receipt.where)
                elif (promised or required) and most_pairs(self.stamped.get(place, {})) < self.threshold:
                    self.layer.doubt(f"{receipt.where} has fewer time-stamps than the trust file asks for")
                    untested = True
        return untested

    # Bounds.

    def after(self, receipt):
        """Everything at or after a receipt in its chain, for which a token would bound it: digests, and None for the claim."""
        out = [None]
        if not receipt.stream.startswith("run:"):
            later = [one for one in self.reading.receipts if one.stream == receipt.stream and one.seq >= receipt.seq]
            out += [one.digest for one in later]
            if receipt.stream != "workspace":
                for run in self.runs.values():
                    if run.opened is not None and run.opened.stream == receipt.stream and run.opened.seq >= receipt.seq:
                        out += [one.digest for one in run.receipts]
            return out
        run = self.runs.get(receipt.stream[4:])
        if run is None:
            return out
        out += [one.digest for one in run.receipts if one.seq >= receipt.seq]
        if run.closed is not None:
            head = run.closed.detail.get("head", {})
            if isinstance(head, dict) and receipt.seq <= head.get("seq", -1):
                later = [one for one in self.reading.receipts if one.stream == run.closed.stream and one.seq >= run.closed.seq]
                out += [one.digest for one in later]
        return out

    def before(self, receipt):
        """The receipts at or before a receipt in its chain."""
        out = [one for one in self.reading.receipts if one.stream == receipt.stream and one.seq <= receipt.seq]
        run = self.runs.get(receipt.stream[4:]) if receipt.stream.startswith("run:") else None
        if run is not None and run.opened is not None:
            out += self.before(run.opened)
        return out

    def not_after(self, receipt, log):
        """The upper bound of a receipt (None for the claim), or None."""
        by = {}
        for place in [None] if receipt is None else self.after(receipt):
            for pair, at in self.stamped.get(place, {}).items():
                by[pair] = min(by.get(pair, at), at)
        tokens = agreed_by(by, self.threshold)
        cosigned = log.cosigned_at if receipt is not None and receipt.digest in log.indexes else None
        return min((one for one in (tokens, cosigned) if one is not None), default=None)

    def not_before(self, receipt, log):
        found = [log.lower_at.get(one.predicate["time"].get("lowerBound")) for one in self.before(receipt)]
        return max((one for one in found if one is not None), default=None)

    def check_bounds(self, log):
        """What a host claims may not contradict the bounds."""
        for receipt in self.reading.receipts:
            if receipt.usable:
                self.check_one(receipt.at, self.not_before(receipt, log), self.not_after(receipt, log), receipt.where)
        if self.reading.claim is not None:
            exported = millis(self.reading.claim["exportedAt"])
            self.check_one(exported, None, self.not_after(None, log), "the claim")

    def check_one(self, at, low, high, where):
        late = high is not None and at > high + 300_000
        early = low is not None and at < low - 300_000
        if late or early or (low is not None and high is not None and low > high):
            self.layer.fail("TIMESTAMP_INVALID", "the time that is claimed contradicts its bounds", where)
