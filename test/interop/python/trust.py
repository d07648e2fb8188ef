"""The reviewer's trust file (spec/trust.md)."""

from canonical import NotCanonical, parse_json
from dsse import Malformed, from_base64
from keys import PlainKey, principal_key
from notes import LOG, WITNESS, NoteKey
from schema import faults, millis, schema


class Unusable(Exception):
    """An input about which nothing can be reported."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def read_trust(data):
    """A trust file in JSON. YAML is for people: this implementation reads JSON alone."""
    try:
        value = parse_json(data)
    except NotCanonical as error:
        raise Unusable("FAILURE_INPUT_MALFORMED", str(error)) from error
    return check_trust(value)


def check_trust(value):
    malformed = lambda text: Unusable("FAILURE_INPUT_MALFORMED", text)
    if not isinstance(value, dict):
        raise malformed("no object")
    if value.get("kind") == "Trust" and isinstance(value.get("apiVersion"), str) and value["apiVersion"] != "witnessops/v1":
        raise Unusable("FAILURE_INPUT_UNSUPPORTED", f"version `{value['apiVersion']}` is not known here")
    found = faults(schema("trust"), value)
    if found:
        raise malformed(f"{found[0][1]} does not have its form")
    holders = {}
    try:
        for root in value["issuerRoots"]:
            PlainKey(root["publicKey"])
        for principal in value["principals"]:
            for entry in principal["keys"]:
                identity = principal_key(entry).identity
                if holders.setdefault(identity, principal["id"]) != principal["id"]:
                    raise malformed(f"a key stands with `{holders[identity]}` and `{principal['id']}`")
    except Malformed as error:
        raise malformed(str(error)) from error
    check_notes(value, malformed)
    check_authorities(value, malformed)
    if len({principal["id"] for principal in value["principals"]}) != len(value["principals"]):
        raise malformed("a principal stands twice")
    return value


def check_notes(value, malformed):
    """Keys of logs and witnesses: each of its type, none for two."""
    try:
        logs = [NoteKey(one["key"], LOG) for one in value.get("logs", [])]
        witnesses = [NoteKey(one["key"], WITNESS) for one in value.get("witnesses", [])]
        for one in value.get("logs", []):
            if "checkpoint" in one and len(from_base64(one["checkpoint"]["root"])) != 32:
                raise malformed("a root that is not 32 bytes")
    except (Malformed, ValueError) as error:
        raise malformed(str(error)) from error
    texts = [key.text for key in logs + witnesses]
    raws = [key.raw for key in witnesses]
    if len(set(texts)) != len(texts) or len(set(raws)) != len(raws) or {key.raw for key in logs} & set(raws):
        raise malformed("a key stands for two logs or witnesses")
    if value.get("witnessQuorum", 0) > len({key.name for key in witnesses}):
        raise malformed("a quorum above the number of witnesses")


def check_authorities(value, malformed):
    """Time authorities: no name or certificate twice, and each with a certificate authority."""
    # Late, for it is a large part that few trust files need.
    from timestamps import Certificate

    if value.get("timeThreshold", 0) > len(value.get("timeAuthorities", [])):
        raise malformed("a threshold above the number of time authorities")
    names, seen = set(), set()
    for one in value.get("timeAuthorities", []):
        try:
            certificates = [Certificate(from_base64(text)) for text in one["certificates"]]
            authority = any(certificate.basic()[0] for certificate in certificates)
        except (Malformed, IndexError, ValueError) as error:
            raise malformed(f"a certificate of `{one['name']}`: {error}") from error
        twice = one["name"] in names or any(certificate.data in seen for certificate in certificates)
        if not authority or twice:
            raise malformed(f"`{one['name']}` lists no certificate authority, or what another lists")
        names.add(one["name"])
        seen |= {certificate.data for certificate in certificates}


def in_force(entry, at):
    """Whether an instant lies in `notBefore` and `notAfter`, both ends included."""
    start = millis(entry["notBefore"]) if "notBefore" in entry else at
    end = millis(entry["notAfter"]) if "notAfter" in entry else at
    return at is not None and start is not None and end is not None and start <= at <= end
