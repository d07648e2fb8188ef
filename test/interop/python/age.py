"""Sealed artifacts: binary age files to X25519 recipients (C2SP age; spec/sealing.md)."""

import base64
import hashlib
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dsse import Malformed

HEADER = re.compile(
    rb"age-encryption[.]org/v1\n((?:-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}\n)+)--- ([A-Za-z0-9+/]{43})\n"
)
STANZA = re.compile(rb"-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n")
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CHUNK = 65_536


def stanzas_of(data):
    """The X25519 stanzas of an age file: (share, wrapped key), or None when the header is another."""
    match = HEADER.match(data[:4096])
    return None if match is None else STANZA.findall(match.group(1))


def unpadded(text):
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def bech32_bytes(text, prefix):
    """The bytes of a Bech32 text; the checksum was made by who wrote it, and is not judged here."""
    text = text.lower()
    if not text.startswith(prefix + "1") or set(text[len(prefix) + 1 :]) - set(LETTERS):
        raise Malformed("no Bech32")
    bits = 0
    values = [LETTERS.index(char) for char in text[len(prefix) + 1 : -6]]
    for value in values:
        bits = bits << 5 | value
    extra = 5 * len(values) % 8
    return (bits >> extra).to_bytes(5 * len(values) // 8, "big")


def derive(secret, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def open_sealed(data, identity):
    """The plaintext of a file that an identity fits; None when it fits none of its stanzas."""
    private = X25519PrivateKey.from_private_bytes(bech32_bytes(identity, "age-secret-key-"))
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    match = HEADER.match(data)
    if match is None:
        return None
    for share_text, wrapped in STANZA.findall(match.group(1)):
        share = unpadded(share_text)
        try:
            secret = private.exchange(X25519PublicKey.from_public_bytes(share))
            key = derive(secret, share + public, b"age-encryption.org/v1/X25519")
            file_key = ChaCha20Poly1305(key).decrypt(bytes(12), unpadded(wrapped), None)
        except (InvalidTag, ValueError):
            continue
        return open_payload(data, match, file_key)
    return None


def open_payload(data, match, file_key):
    end = match.end()
    head = data[: end - len(match.group(2)) - 2]
    mac = hmac.new(derive(file_key, None, b"header"), head, hashlib.sha256).digest()
    if mac != unpadded(match.group(2)):
        raise Malformed("the header of a sealed artifact does not authenticate")
    box = ChaCha20Poly1305(derive(file_key, data[end : end + 16], b"payload"))
    body, out, counter = data[end + 16 :], [], 0
    while True:
        chunk, body = body[: CHUNK + 16], body[CHUNK + 16 :]
        nonce = counter.to_bytes(11, "big") + (b"\x01" if not body else b"\x00")
        try:
            out.append(box.decrypt(nonce, chunk, None))
        except (InvalidTag, ValueError) as error:
            raise Malformed("a sealed artifact does not authenticate") from error
        counter += 1
        if not body:
            return b"".join(out)
