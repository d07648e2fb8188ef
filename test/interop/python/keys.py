"""Public keys and signatures: plain (Ed25519, P-256), SSH (PROTOCOL.sshsig) and passkeys (spec/action-document.md)."""

import base64
import hashlib
import struct

from canonical import NotCanonical, parse_canonical, parse_json
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from dsse import Malformed, from_base64

MAX_SIGNATURE = 8192
CURVES = {"nistp256": ec.SECP256R1, "nistp384": ec.SECP384R1, "nistp521": ec.SECP521R1}
CURVE_HASHES = {"nistp256": hashes.SHA256, "nistp384": hashes.SHA384, "nistp521": hashes.SHA512}


def fingerprint(data):
    return "SHA256:" + base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def verifies(key, signature, message, hash_type=hashes.SHA256):
    """Whether the key made the signature; ECDSA signatures in DER."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hash_type()))
        else:
            key.verify(signature, message, padding.PKCS1v15(), hash_type())
        return True
    except (InvalidSignature, ValueError):
        return False


class PlainKey:
    """A key as base64 of its SubjectPublicKeyInfo: Ed25519 or P-256."""

    def __init__(self, text):
        self.spki = from_base64(text)
        try:
            self.key = load_der_public_key(self.spki)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Malformed("no public key") from error
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            if not isinstance(self.key.curve, ec.SECP256R1):
                raise Malformed("an elliptic curve other than P-256")
        elif not isinstance(self.key, Ed25519PublicKey):
            raise Malformed("a key that is neither Ed25519 nor P-256")
        if self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != self.spki:
            raise Malformed("a public key in another encoding")
        self.key_id = fingerprint(self.spki)
        self.identity = self.spki

    def signed(self, envelope):
        return verifies(self.key, envelope.signature, envelope.signed_bytes)


class Reader:
    """SSH wire format (RFC 4251)."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed("cut")
        self.at += count
        return self.data[self.at - count : self.at]

    def uint32(self):
        return struct.unpack(">I", self.take(4))[0]

    def string(self):
        return self.take(self.uint32())

    def mpint(self):
        data = self.string()
        if data and (data[0] & 0x80 or (data[0] == 0 and (len(data) == 1 or not data[1] & 0x80))):
            raise Malformed("no positive number in its shortest form")
        return int.from_bytes(data, "big")

    def end(self):
        if self.at != len(self.data):
            raise Malformed("bytes after the end")


class SshKey:
    """`<type> <base64>`: the algorithms of spec/action-document.md."""

    def __init__(self, text):
        self.type, _, encoded = text.partition(" ")
        self.blob = from_base64(encoded)
        self.key_id = fingerprint(self.blob)
        self.application = None
        self.curve = None
        reader = Reader(self.blob)
        if reader.string().decode("latin-1") != self.type:
            raise Malformed("an SSH key of another type than it says")
        try:
            if self.type in ("ssh-ed25519", "sk-ssh-ed25519@openssh.com"):
                self.key = Ed25519PublicKey.from_public_bytes(reader.string())
            elif self.type.startswith("ecdsa-sha2-") or self.type == "sk-ecdsa-sha2-nistp256@openssh.com":
                self.curve = reader.string().decode("latin-1")
                if self.curve not in CURVES or not self.type.split("@")[0].endswith("ecdsa-sha2-" + self.curve):
                    raise Malformed("another curve")
                self.key = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[self.curve](), reader.string())
            elif self.type == "ssh-rsa":
                exponent, modulus = reader.mpint(), reader.mpint()
                if not 3072 <= modulus.bit_length() <= 16384:
                    raise Malformed("an RSA key of another size")
                self.key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
            else:
                raise Malformed("an SSH key of an unknown type")
        except ValueError as error:
            raise Malformed("no SSH key") from error
        if self.type.startswith("sk-"):
            self.application = reader.string()
        reader.end()
        # Of one key, in whichever form: its SubjectPublicKeyInfo.
        self.identity = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def refuses(self, namespace, message, signature):
        """None when it is this key's SSHSIG over the message; else malformed, key, namespace, algorithm or signature."""
        try:
            return self._refuses(namespace, message, signature)
        except (Malformed, UnicodeDecodeError):
            return "malformed"

    def _refuses(self, namespace, message, signature):
        reader = Reader(signature)
        if len(signature) > MAX_SIGNATURE or reader.take(6) != b"SSHSIG" or reader.uint32() != 1:
            return "malformed"
        blob, space, reserved = reader.string(), reader.string(), reader.string()
        hash_name, inner = reader.string().decode("latin-1"), reader.string()
        reader.end()
        if reserved != b"":
            return "malformed"
        if blob != self.blob:
            return "key"
        if space != namespace.encode():
            return "namespace"
        if hash_name not in ("sha256", "sha512"):
            return "algorithm"
        text = lambda data: struct.pack(">I", len(data)) + data
        digest = hashlib.new(hash_name, message).digest()
        signed = b"SSHSIG" + text(space) + text(b"") + text(hash_name.encode()) + text(digest)
        return self._inner(Reader(inner), signed)

    def _inner(self, reader, signed):
        algorithm, raw = reader.string().decode("latin-1"), reader.string()
        hash_type = hashes.SHA256
        if self.type == "ssh-rsa":
            if algorithm not in ("rsa-sha2-256", "rsa-sha2-512"):
                return "algorithm"
            hash_type = hashes.SHA256 if algorithm == "rsa-sha2-256" else hashes.SHA512
            if len(raw) != (self.key.key_size + 7) // 8:
                return "signature"
        elif algorithm != self.type:
            return "algorithm"
        if self.application is not None:
            flags, counter = reader.take(1), reader.take(4)
            if not flags[0] & 1:
                return "signature"
            signed = hashlib.sha256(self.application).digest() + flags + counter + hashlib.sha256(signed).digest()
        reader.end()
        if self.curve is not None:
            numbers = Reader(raw)
            r, s = numbers.mpint(), numbers.mpint()
            numbers.end()
            raw = encode_dss_signature(r, s)
            hash_type = CURVE_HASHES[self.curve]
        return None if verifies(self.key, raw, signed, hash_type) else "signature"

    def signed(self, envelope):
        purpose = namespace_of(envelope.payload_type)
        return purpose is not None and self.refuses(purpose, envelope.payload, envelope.signature) is None


def namespace_of(payload_type):
    """`approval.v1@witnessops.dev` of `application/vnd.witnessops.approval.v1+json`."""
    prefix, suffix = "application/vnd.witnessops.", "+json"
    if not payload_type.startswith(prefix) or not payload_type.endswith(suffix):
        return None
    return payload_type[len(prefix) : -len(suffix)] + "@witnessops.dev"


class Passkey(PlainKey):
    """A WebAuthn credential: it decides on actions and signs nothing else."""

    def __init__(self, text, passkey):
        super().__init__(text)
        self.passkey = passkey

    def signed(self, envelope):
        try:
            return envelope.payload_type == "application/vnd.witnessops.approval.v1+json" and self._asserts(envelope)
        except (Malformed, NotCanonical):
            return False

    def _asserts(self, envelope):
        if len(envelope.signature) > MAX_SIGNATURE:
            return False
        value = parse_canonical(envelope.signature)
        names = {"authenticatorData", "clientDataJSON", "credentialId", "signature"}
        if not isinstance(value, dict) or set(value) != names or not all(isinstance(v, str) for v in value.values()):
            return False
        data, client_bytes = from_base64(value["authenticatorData"]), from_base64(value["clientDataJSON"])
        if from_base64(value["credentialId"]) != from_base64url(self.passkey["credentialId"]):
            return False
        client = parse_json(client_bytes)
        challenge = hashlib.sha256(
            b"witnessops/webauthn/v1\n" + envelope.payload_type.encode() + b"\n" + envelope.payload
        ).digest()
        if not isinstance(client, dict) or client.get("type") != "webauthn.get":
            return False
        if client.get("challenge") != base64.urlsafe_b64encode(challenge).decode().rstrip("="):
            return False
        if client.get("origin") not in self.passkey["origins"]:
            return False
        if client.get("crossOrigin", False) is not False or "topOrigin" in client:
            return False
        if len(data) < 37 or data[:32] != hashlib.sha256(self.passkey["rpId"].encode()).digest():
            return False
        flags = data[32]
        # User presence, user verification, no attested credential data; extensions only with their flag.
        if flags & 0b0100_0101 != 0b0000_0101 or bool(flags & 0x80) != (len(data) > 37):
            return False
        return verifies(self.key, from_base64(value["signature"]), data + hashlib.sha256(client_bytes).digest())


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def principal_key(entry):
    """The key of a principal's or trust file's entry, in whichever form."""
    text = entry["publicKey"]
    if "passkey" in entry:
        return Passkey(text, entry["passkey"])
    return SshKey(text) if " " in text else PlainKey(text)
