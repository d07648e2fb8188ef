"""Signed notes, note keys and checkpoints (C2SP; spec/log.md, spec/witness.md)."""

import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dsse import Malformed, from_base64
from keys import fingerprint, verifies
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAME = re.compile(r"[^\s+\x00-\x1f\x7f-\x9f]{1,200}")
MAX_NOTE = 65_536
LOG, WITNESS = 1, 4


class NoteKey:
    """`<name>+<id>+<base64>`: Ed25519 of a log (type 1) or a witness (type 4)."""

    def __init__(self, text, kind):
        parts = text.split("+", 2)
        if len(parts) != 3 or not NAME.fullmatch(parts[0]) or not re.fullmatch("[0-9a-f]{8}", parts[1]):
            raise Malformed("no note key")
        data = from_base64(parts[2])
        if len(data) != 33 or data[0] != kind:
            raise Malformed("a note key of another type")
        self.name, self.id, self.text = parts[0], bytes.fromhex(parts[1]), text
        if hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4] != self.id:
            raise Malformed("a note key with another id")
        self.raw = data[1:]
        self.key = Ed25519PublicKey.from_public_bytes(self.raw)

    def fingerprint(self):
        return fingerprint(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


class Checkpoint:
    """A signed note of exactly three lines: origin, size, root."""

    def __init__(self, data):
        if len(data) > MAX_NOTE:
            raise Malformed("a note over 64 KiB")
        try:
            text, _, tail = data.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError as error:
            raise Malformed("a note that is no UTF-8") from error
        lines = text.split("\n")
        if len(lines) != 3 or not tail.endswith("\n"):
            raise Malformed("no checkpoint")
        self.origin, size, root = lines
        if not NAME.fullmatch(self.origin) or not re.fullmatch("0|[1-9][0-9]{0,15}", size) or int(size) > 2**53 - 1:
            raise Malformed("no checkpoint")
        self.size, self.root = int(size), from_base64(root)
        if len(self.root) != 32:
            raise Malformed("a root that is not 32 bytes")
        self.root_text = root
        self.signed_text = (text + "\n").encode()
        self.lines = [signature_line(line) for line in tail[:-1].split("\n")]
        if not 1 <= len(self.lines) <= 100:
            raise Malformed("no note with 1 to 100 signatures")

    def is_signed(self, key):
        """Whether exactly one line is of this log's name and id, and verifies."""
        made = [signature for name, key_id, signature in self.lines if (name, key_id) == (key.name, key.id)]
        return len(made) == 1 and key.name == self.origin and verifies(key.key, made[0], self.signed_text)


def signature_line(line):
    match = re.fullmatch(r"\u2014 (\S+) (\S+)", line)
    if match is None or not NAME.fullmatch(match.group(1)):
        raise Malformed("no signature line")
    data = from_base64(match.group(2))
    if len(data) < 5:
        raise Malformed("a signature line without a signature")
    return match.group(1), data[:4], data[4:]


class Witnessed:
    """What the trust file's witnesses say of a checkpoint (spec/witness.md)."""

    def __init__(self, checkpoint, trust, fail):
        self.reached_at = self.last_reached_at = None
        witnesses = (trust or {}).get("witnesses", [])
        if not witnesses:
            return
        listed = [NoteKey(one["key"], WITNESS) for one in witnesses]
        compromised = {one["keyId"] for one in trust.get("compromised", [])}
        times, wrong = {}, set()
        for name, key_id, data in checkpoint.lines:
            key = next((one for one in listed if (one.name, one.id) == (name, key_id)), None)
            if key is None or key.fingerprint() in compromised:
                continue
            at = int.from_bytes(data[:8], "big")
            signed = f"cosignature/v1\ntime {at}\n".encode() + checkpoint.signed_text
            if len(data) != 72 or at > 253402300799 or not verifies(key.key, data[8:], signed):
                wrong.add(name)
                fail("WITNESS_INVALID", f"the cosignature of `{name}` does not verify")
            else:
                times.setdefault(name, []).append(at)
        counted = [times[name] for name in times if name not in wrong]
        quorum = trust.get("witnessQuorum", len({key.name for key in listed}))
        if len(counted) < quorum:
            fail("WITNESS_QUORUM_UNSATISFIED", f"{len(counted)} of {quorum} witnesses cosigned the checkpoint")
        elif quorum > 0:
            self.reached_at = sorted(min(one) for one in counted)[quorum - 1] * 1000 + 999
            self.last_reached_at = sorted((max(one) for one in counted), reverse=True)[quorum - 1] * 1000
