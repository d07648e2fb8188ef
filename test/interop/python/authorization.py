"""Layer 8, first part: what a run pins, and whether somebody whom the reviewer trusts authorized it."""

from canonical import same
from keys import PlainKey
from people import keys_of
from runs import reference_of
from schema import millis
from trust import in_force


def check_authority(run, layer, trust):
    """Whether what a run pins counts as authority by the trust file."""
    record = run.authorization
    if record is not None:
        check_record(run, record, layer)
    check_lock(run, layer)
    locked = check_runbook(run, layer, trust)
    if trust is None:
        layer.doubt("without a trust file nobody says who may authorize")
        return False
    pinned = set(trust.get("pinned", []))
    four = [run.pins[kind] for kind in ("engagement", "principals", "policies", "catalog-lock")]
    if all(digest in pinned for digest in four):
        return locked
    return record is not None and check_owner(record, layer, trust) and locked


def check_record(run, record, layer):
    envelope, statement = record
    predicate, opened_at = statement["predicate"], millis(run.document["openedAt"])
    if not millis(predicate["signedAt"]) <= opened_at <= millis(predicate["notAfter"]):
        layer.fail("APPROVAL_INVALID", "the run was opened outside the validity of its authorization", run.id)
    if run.principals is not None:
        signer = next((one for one in run.principals["principals"] if one["id"] == predicate["principal"]), None)
        keys = [key for key, entry in keys_of(signer) if "passkey" not in entry] if signer else []
        if not any(isinstance(key, PlainKey) and key.signed(envelope) for key in keys):
            layer.fail("SIGNATURE_INVALID", f"the authorization is not signed by `{predicate['principal']}` of this bundle")
    if run.engagement is not None and run.engagement["owner"] != predicate["principal"]:
        layer.fail("APPROVAL_INVALID", "the authorization is not signed by the engagement's owner")
    before = [
        one for one in run.events(run.opened.stream) if one.event == "engagement-authorized" and one.seq < run.opened.seq
    ]
    late = max((i for i, one in enumerate(before) if one.at <= opened_at), default=-1)
    named = max((i for i, one in enumerate(before) if one.detail.get("authorization") == envelope.digest), default=-1)
    if named < 0:
        layer.fail("COMPLETENESS", "no receipt before the run is about its authorization record", run.id)
    elif named < late:
        layer.fail("APPROVAL_INVALID", "the engagement was authorized anew before the run was opened", run.id)


def check_lock(run, layer):
    if run.lock is None or run.document["draft"]:
        return
    for reference, digest in run.contract_digests.items():
        if run.lock["contracts"].get(reference) != digest:
            layer.fail("DIGEST_MISMATCH", f"the contract `{reference}` is not the one in the authorized lock", run.id)


def check_runbook(run, layer, trust):
    if run.runbook is None or run.lock is None:
        return False
    reference, digest = reference_of(run.runbook), run.pins["runbook"]
    locked = run.lock.get("runbooks", {}).get(reference)
    pinned = trust is not None and digest in trust.get("pinned", [])
    if locked == digest or (locked is None and pinned):
        return True
    if locked is not None:
        layer.fail("DIGEST_MISMATCH", f"the runbook `{reference}` is not the one in the authorized lock", run.id)
        return False
    if is_implicit(run):
        return True
    layer.doubt(f"the runbook `{reference}` is not in the authorized catalog lock")
    return False


def is_implicit(run):
    """Whether the runbook is the one that `call` makes of its only contract."""
    runbook, steps = run.runbook, run.runbook["steps"]
    contract = run.contracts.get(steps[0]["uses"])
    if contract is None:
        return False
    given = {name: f'inputs["{name}"]' for name in steps[0].get("with", {})}
    made = {
        "apiVersion": "witnessops/v1", "kind": "Runbook", "id": "call." + contract["id"], "version": contract["version"],
        "title": contract["title"], "classification": "internal", "owner": runbook["owner"],
        "objective": runbook["objective"], "inputs": contract["inputs"],
        "scope": {"include": [{"kind": one["kind"], "from": one["from"]} for one in contract["scope"]["subjects"]]},
        "steps": [{"id": "call", "uses": reference_of(contract), "with": given}],
    }  # fmt: skip
    return same(made, runbook)


def check_owner(record, layer, trust):
    envelope, statement = record
    predicate = statement["predicate"]
    owner = next((one for one in trust["principals"] if one["id"] == predicate["principal"]), None)
    if owner is None:
        layer.doubt(f"the trust file does not list `{predicate['principal']}`, who signed the authorization")
        return False
    for key, entry in keys_of(owner):
        if "passkey" in entry or not isinstance(key, PlainKey) or not key.signed(envelope):
            continue
        if not in_force(entry, millis(predicate["signedAt"])):
            layer.fail("SIGNATURE_INVALID", f"the key of `{owner['id']}` was not valid when it signed")
            return False
        if "owner" not in owner["roles"] or owner["type"] != "human":
            layer.doubt(f"the trust file does not list `{owner['id']}` as a person who is an owner")
            return False
        if entry["custody"] != "held":
            layer.doubt(f"the key of `{owner['id']}` lies on the host")
            return False
        return True
    layer.fail("SIGNATURE_INVALID", f"the authorization is not signed with a listed key of `{owner['id']}`")
    return False
