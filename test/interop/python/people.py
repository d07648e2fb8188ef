"""What people signed: statements, their keys, and what the trust file says of those people (spec/action-document.md)."""


from dsse import Malformed, from_base64
from keys import PlainKey, principal_key, verifies
from canonical import NotCanonical, parse_json
from schema import millis
from trust import in_force

RESOLVERS = {"operator", "approver", "owner"}


class Refused(Exception):
    """Why a signed statement does not count."""


class Signed:
    def __init__(self, payload, key_id, custody, digest):
        self.payload, self.key_id, self.custody, self.digest = payload, key_id, custody, digest


def keys_of(principal):
    for entry in principal["keys"]:
        try:
            yield principal_key(entry), entry
        except Malformed:
            continue


def signed_statement(stored, principals, at, human=True):
    """The statement of a principal, a human one where asked, whose key, in force at `at` (milliseconds), signed it."""
    envelope, payload = stored
    if payload is None:
        raise Refused("payload-malformed")
    named = [one for one in principals if one["id"] == payload["principal"]]
    if len(named) != 1:
        raise Refused("principal-unknown")
    if human and named[0]["type"] != "human":
        raise Refused("principal-not-human")
    found = sorted(keys_of(named[0]), key=lambda pair: pair[0].key_id != envelope.key_id)
    for key, entry in found:
        if not key.signed(envelope):
            continue
        holders = [one for one in principals if any(other.identity == key.identity for other, _ in keys_of(one))]
        if len(holders) > 1:
            raise Refused("key-shared")
        if not in_force(entry, at):
            raise Refused("key-not-valid")
        return Signed(payload, key.key_id, entry["custody"], envelope.digest)
    raise Refused("signature-invalid" if any(key.key_id == envelope.key_id for key, _ in found) else "key-unknown")


def trusted_principals(principals, trust):
    """The pinned principals with type, roles and keys of those whom the trust file lists; of others no key."""
    listed = {one["id"]: one for one in trust["principals"]}
    out = []
    for one in principals:
        known = listed.get(one["id"])
        given = {"keys": []} if known is None else {name: known[name] for name in ("type", "roles", "keys")}
        out.append({**one, **given})
    return out


def is_listed(trust, name):
    return any(one["id"] == name for one in trust["principals"])


def roles_in(run, principals, name):
    """Roles that both the principal and the engagement give; None for who is not both known and in it."""
    entry = next((one for one in run.engagement["principals"] if one["id"] == name), None)
    known = next((one for one in principals if one["id"] == name), None)
    return None if entry is None or known is None else set(entry["roles"]) & set(known["roles"])


def may_not_resolve(run, principals, signed, disabled):
    name = signed.payload["principal"]
    roles = roles_in(run, principals, name)
    if roles is None:
        return "not-in-engagement"
    if not roles & RESOLVERS:
        return "lacks-role"
    if name in disabled:
        return "disabled"
    return None if signed.custody == "held" else "key-not-held"


def may_not_review(run, principals, signed, permission, involved, disabled):
    name = signed.payload["principal"]
    glass = next((one for one in run.engagement.get("breakGlass", []) if one["id"] == permission), None)
    if glass is None or name not in glass["reviewers"]:
        return "not-a-reviewer"
    if roles_in(run, principals, name) is None:
        return "not-in-engagement"
    if name in disabled:
        return "disabled"
    if name in involved:
        return "not-independent"
    return None if signed.custody == "held" else "key-not-held"


def signal_body(signal, public_key, invocation, at):
    """The body of a webhook that the contract's key signed (Standard Webhooks); `at` is when it was recorded."""
    try:
        body, key = from_base64(signal["body"]), PlainKey(public_key)
    except Malformed as error:
        raise Refused("signature-invalid") from error
    if len(body) > 65_536:
        raise Refused("too-large")
    message = f"{signal['id']}.{signal['timestamp']}.".encode() + body
    made = False
    for one in signal["signature"].split(" ")[:4]:
        try:
            made = made or (one.startswith("v1a,") and verifies(key.key, from_base64(one[4:]), message))
        except Malformed:
            continue
    if not made:
        raise Refused("signature-invalid")
    try:
        value = parse_json(body)
    except NotCanonical as error:
        raise Refused("body-malformed") from error
    if not isinstance(value, dict):
        raise Refused("body-malformed")
    if value.get("invocation") != invocation:
        raise Refused("another-invocation")
    # Five minutes from its timestamp when it came; its receipt is made up to a minute later.
    if abs(at - signal["timestamp"] * 1000) > 360_000:
        raise Refused("not-recent")
    return value


class Statuses:
    """What the bundle's own receipts say of contracts, freezes, people and engagements, 10 s before an instant."""

    EVENTS = {
        "contract-suspended", "contract-revoked", "contract-reinstated", "freeze-began", "freeze-ended",
        "principal-disabled", "principal-added", "engagement-halted", "engagement-closed", "key-revoked",
    }  # fmt: skip

    def __init__(self, reading):
        self.receipts = [one for one in reading.receipts if one.usable and one.event in self.EVENTS]

    def disabled(self, at):
        out = set()
        for one in self.receipts:
            if one.at < at - 10_000:
                if one.event == "principal-disabled":
                    out.add(one.detail.get("principal"))
                elif one.event == "principal-added":
                    out.discard(one.detail.get("principal"))
        return out

    def contract(self, reference, at):
        status = None
        for one in self.receipts:
            if not one.event.startswith("contract-") or one.detail.get("contract") != reference:
                continue
            if one.at >= at - 10_000:
                return None
            if status != "revoked":
                status = {"contract-suspended": "suspended", "contract-revoked": "revoked"}.get(one.event)
        return status

    def frozen(self, at):
        frozen = False
        for one in self.receipts:
            if one.event in ("freeze-began", "freeze-ended"):
                if one.at >= at - 10_000:
                    return False
                frozen = one.event == "freeze-began"
        return frozen

    def over(self, engagement, at):
        return any(
            one.event in ("engagement-halted", "engagement-closed") and one.stream == f"engagement:{engagement}"
            and one.at < at - 10_000
            for one in self.receipts
        )  # fmt: skip

    def ignored(self, run, record):
        """What a gate record's live status ignores of them, or None."""
        at, live, contract = millis(record["decidedAt"]), record["live"], record["action"]["contract"]
        if self.over(run.document["engagement"]["id"], at) and live["engagement"] == "open":
            return "its gates saw an open engagement after it was halted or closed"
        status = self.contract(f"{contract['id']}@{contract['version']}", at)
        if status is not None and live["contract"] != status:
            return f"its gates did not see that the contract was {status}"
        if self.frozen(at) and not live["freeze"]:
            return "its gates did not see that changes were frozen"
        if self.disabled(at) - set(live["disabledPrincipals"]):
            return "its gates did not see that somebody was disabled"
        revoked = {one.detail.get("keyId") for one in self.receipts if one.event == "key-revoked" and one.at < at - 10_000}
        if revoked - set(live.get("revokedKeys", [])):
            return "its gates did not see that a key was revoked"
        return None
