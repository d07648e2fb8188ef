"""The reviewer's trust file (spec/trust.md)."""

from canonical import NotCanonical, parse_json
from dsse import Malformed
from keys import PlainKey, principal_key
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
    if len({principal["id"] for principal in value["principals"]}) != len(value["principals"]):
        raise malformed("a principal stands twice")
    return value


def in_force(entry, at):
    """Whether an instant lies in `notBefore` and `notAfter`, both ends included."""
    start = millis(entry["notBefore"]) if "notBefore" in entry else at
    end = millis(entry["notAfter"]) if "notAfter" in entry else at
    return at is not None and start is not None and end is not None and start <= at <= end
