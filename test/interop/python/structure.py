"""Layer 4: every receipt has what its event needs, and what one document cites of another is that (spec/receipt.md)."""

import base64
import hashlib

from reading import DIGEST, digest_of
from runs import reference_of

SCOPE_TEXT = (
    "This receipt attests what was declared, decided, sent and captured, and how these are linked. It does not "
    "attest that an external system told the truth."
)
OF_RUN = ("run", "runbook", "engagement", "authorization")
OF_STEP = (*OF_RUN, "step")
OF_CALL = (*OF_STEP, "contract", "gates", "invocation", "boundary")
CALLS = {"step-paused", "step-dispatched", "step-in-doubt", "step-executed", "step-failed"}

# Per event: kind of stream, members, members of the detail, and the subject with the detail's member that it is.
EVENTS = {
    "workspace-created": ("workspace", (), ("name", "root"), ("issuer-root", None)),
    "key-certified": ("workspace", (), ("certificate",), ("key-certificate", "certificate")),
    "principal-added": ("workspace", (), ("principal",), "principal"),
    "principal-disabled": ("workspace", (), ("principal",), None),
    "catalog-published": ("workspace", (), ("catalogLock",), ("catalog-lock", "catalogLock")),
    "contract-suspended": ("workspace", (), ("contract", "reason"), None),
    "contract-revoked": ("workspace", (), ("contract", "reason"), None),
    "contract-reinstated": ("workspace", (), ("contract", "reason"), None),
    "freeze-began": ("workspace", (), ("reason",), None),
    "freeze-ended": ("workspace", (), ("reason",), None),
    "engagement-authorized": ("engagement", (), ("authorization",), ("authorization", "authorization")),
    "admission-denied": (None, (), ("reason", "runbook", "problems"), None),
    "run-opened": ("engagement", OF_RUN, ("run", "document"), ("run", "document")),
    "run-closed": ("engagement", OF_RUN, ("run", "head", "count", "outcome"), None),
    "engagement-halted": ("engagement", (), ("reason",), None),
    "engagement-closed": ("engagement", (), ("reason",), None),
    "conclusion-recorded": ("engagement", (), ("conclusion",), ("conclusion", "conclusion")),
    "conclusion-withdrawn": ("engagement", (), ("withdrawal", "conclusion"), ("withdrawal", "withdrawal")),
    "log-started": ("workspace", (), ("origin", "key", "previous"), None),
    "key-retired": ("workspace", (), ("keyId",), None),
    "root-rotated": ("workspace", (), ("certificate", "previous", "root"), ("root-certificate", "certificate")),
    "key-revoked": ("workspace", (), ("revocation", "keyId", "since", "reason"), ("key-revocation", "revocation")),
    "artifact-classified": ("engagement", OF_RUN, ("artifact", "digest", "sensitivity", "reason"), None),
    "artifact-released": ("engagement", OF_RUN, ("artifact", "digest", "released", "recipient", "commitment"), ("released", "released")),
    "artifact-redacted": ("engagement", (*OF_RUN, "artifacts"), ("lifecycle",), "import"),
    "artifact-held": ("engagement", OF_RUN, ("artifact", "digest", "reason"), None),
    "artifact-hold-ended": ("engagement", OF_RUN, ("artifact", "digest", "hold", "reason", "lifecycle"), ("lifecycle", "lifecycle")),
    "artifact-retired": ("engagement", OF_RUN, ("artifact", "digest", "reason", "lifecycle"), ("lifecycle", "lifecycle")),
    "artifact-action-refused": ("engagement", OF_RUN, ("artifact", "digest", "action", "decision", "reason"), None),
    "break-glass-reviewed": ("engagement", OF_RUN, ("review", "receipt", "finding"), ("review", "review")),
    "domain-control-proved": (
        "engagement", OF_RUN, ("authorization", "domain", "method", "receipt", "expiresAt"), ("look-up", "receipt"),
    ),
    "step-paused": ("run", OF_CALL, ("actionDigest",), "call"),
    "approval-recorded": ("run", (*OF_STEP, "approvals"), ("approval", "decision"), ("approval", "approval")),
    "break-glass-recorded": ("run", OF_STEP, ("breakGlass", "id", "reason"), ("break-glass", "breakGlass")),
    "answer-recorded": ("run", OF_STEP, ("answer",), ("answer", "answer")),
    "signal-recorded": ("run", OF_STEP, ("signal", "id"), ("signal", "signal")),
    "step-dispatched": ("run", OF_CALL, ("attempt",), "call"),
    "step-in-doubt": ("run", OF_CALL, ("attempt", "reason"), "call"),
    "step-resolved": ("run", OF_STEP, ("resolution", "finding", "attempt"), ("resolution", "resolution")),
    "step-escalated": ("run", OF_STEP, ("to", "escalation"), ("escalation", "escalation")),
    "step-expanded": ("run", OF_STEP, ("keys", "elements"), None),
    "step-executed": ("run", OF_CALL, (), "call"),
    "step-failed": ("run", OF_CALL, (), "call"),
    "step-denied": ("run", OF_STEP, (), "call"),
    "step-skipped": ("run", OF_STEP, (), None),
    "step-cancelled": ("run", OF_STEP, (), None),
    "artifact-imported": ("run", (*OF_RUN, "artifacts"), (), "import"),
}  # fmt: skip
OUTCOMES = {
    "step-paused": "paused", "step-dispatched": "dispatched", "step-in-doubt": "in-doubt", "step-executed": "executed",
    "step-failed": "failed", "step-denied": "denied",
}  # fmt: skip


# What the gates must have decided for an event to follow.
DECISIONS = {
    "step-executed": "allow", "step-failed": "allow", "step-dispatched": "allow", "step-in-doubt": "allow",
    "step-paused": "pause", "step-denied": "deny",
}  # fmt: skip


def is_described(receipt):
    """Whether a receipt is about a call with an action document; a denied step may have none."""
    p = receipt.predicate
    return receipt.event in CALLS or (receipt.event == "step-denied" and ("invocation" in p or "gates" in p))


def check_structure(reading, report, runs):
    layer = report["structure"]
    ids = [receipt.predicate["receiptId"] for receipt in reading.receipts]
    if len(set(ids)) != len(ids):
        layer.fail("COMPLETENESS", "a receipt id stands twice")
    for receipt in reading.receipts:
        if receipt.usable:
            check_needs(receipt, layer)
            check_subjects(receipt, layer)
            if receipt.event == "key-certified" and ("key-certificate", receipt.detail.get("certificate")) not in reading.present:
                layer.fail("COMPLETENESS", "the certificate that the receipt names is absent", receipt.where)
    check_claim(reading, report, runs)
    for run in runs.values():
        if run.document is not None:
            check_run(run, layer)


def check_needs(receipt, layer):
    kind, members, details, subject = EVENTS[receipt.event]
    p = receipt.predicate
    needed = list(members)
    if subject == "call":
        if is_described(receipt):
            needed = list(OF_CALL)
        else:
            details = ("reason",)
    missing = [name for name in needed if name not in p]
    missing += [f"detail.{name}" for name in details if name not in receipt.detail]
    if subject == "call" and is_described(receipt):
        missing += [f"verificationScope.{name}" for name in ("attests", "doesNotAttest") if name not in p["verificationScope"]]
        if receipt.event in ("step-executed", "step-failed", "step-in-doubt") and "dispatchDigest" not in p.get("invocation", {}):
            missing.append("invocation.dispatchDigest")
    receipt.lacks = missing
    if missing:
        layer.fail("REQUIRED_FIELD_MISSING", f"`{receipt.event}` lacks {', '.join(missing)}", receipt.where)
    stream = receipt.stream.partition(":")[0]
    if kind is not None and stream != kind or (kind is None and stream == "run"):
        layer.fail("BUNDLE_MALFORMED", f"`{receipt.event}` does not stand in `{receipt.stream}`", receipt.where)
    if stream == "run" and receipt.stream != f"run:{receipt.run}" and "run" not in missing:
        layer.fail("DIGEST_MISMATCH", "the receipt is of another run than its stream", receipt.where)
    if p["verificationScope"]["text"] != SCOPE_TEXT:
        layer.fail("BUNDLE_MALFORMED", "the fixed text is another", receipt.where)


def check_subjects(receipt, layer):
    _, _, _, subject = EVENTS[receipt.event]
    p = receipt.predicate
    if subject == "principal":
        # The principal's document is pinned by the runs; the receipt names its digest alone.
        expected = [("principal", digest) for _, digest in receipt.subjects[:1]]
    elif subject == "import":
        expected = [(one["id"], one["digest"]) for one in p.get("artifacts", [])]
    elif (subject == "call" and is_described(receipt)) or "invocation" in p:
        return
    elif subject in (None, "call"):
        expected = [("detail", digest_of(receipt.detail))]
    elif subject[1] is None:
        root = receipt.detail.get("root")
        if not isinstance(root, dict) or set(root) != {"publicKey", "keyId"}:
            layer.fail("DIGEST_MISMATCH", "the detail has no issuer root", receipt.where)
            return
        try:
            spki = base64.b64decode(root["publicKey"], validate=True)
        except (ValueError, TypeError):
            layer.fail("DIGEST_MISMATCH", "the issuer root is no base64", receipt.where)
            return
        key_id = "SHA256:" + base64.b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")
        if root["keyId"] != key_id:
            layer.fail("DIGEST_MISMATCH", "the issuer root has another key id", receipt.where)
        expected = [(subject[0], "sha256:" + hashlib.sha256(spki).hexdigest())]
    else:
        if subject[1] not in receipt.detail:
            return
        named = receipt.detail[subject[1]]
        expected = [(subject[0], named)]
    if receipt.subjects != expected:
        layer.fail("DIGEST_MISMATCH", "the subjects are not what the receipt is about", receipt.where)


def check_claim(reading, report, runs):
    layer, claim = report["structure"], reading.claim
    if claim is None:
        return
    heads = {}
    for receipt in reading.receipts:
        if receipt.stream.startswith("run:") and receipt.stream[4:] not in claim["runs"]:
            layer.fail("COMPLETENESS", "a run stream of no claimed run", receipt.where)
        heads[receipt.stream] = receipt
    open_runs = [run for run in runs.values() if run.closed is None]
    if claim["partial"] != bool(open_runs):
        layer.fail("COMPLETENESS", "the claim says otherwise whether a run is open")
    report.partial = bool(open_runs)


def check_run(run, layer):
    doc = run.document
    fail = lambda text, where=None: layer.fail("DIGEST_MISMATCH", f"run `{run.id}`: {text}", where)
    if doc["run"] != run.id:
        fail("the document is of another run")
    for name in ("runbook", "engagement"):
        pinned = getattr(run, name)
        if pinned is not None and (doc[name]["id"], doc[name]["version"]) != (pinned["id"], pinned["version"]):
            fail(f"the {name} has another id or version than its document")
    if run.opened.stream != f"engagement:{doc['engagement']['id']}":
        fail("it was opened in another engagement's stream", run.opened.where)
    if run.runbook is not None and doc["steps"] != [step["id"] for step in run.runbook["steps"]]:
        fail("it has other steps than its runbook")
    if run.authorization is not None:
        check_authorization_binding(run, fail)
        if len(run.authorization[1]["subject"]) != 4:
            layer.fail("BUNDLE_MALFORMED", f"run `{run.id}`: the authorization has other than four subjects")
    for receipt in run.reading.receipts:
        if receipt.usable and receipt.run == run.id:
            check_receipt(run, receipt, layer)


def check_authorization_binding(run, fail):
    _, statement = run.authorization
    names = ["engagement", "principals", "policies", "catalog-lock"]
    subjects = [(one["name"], "sha256:" + one["digest"]["sha256"]) for one in statement["subject"]]
    if subjects != [(name, run.pins[name]) for name in names]:
        fail("it pins other documents than the authorization record")
    predicate = statement["predicate"]
    engagement = {name: run.document["engagement"][name] for name in ("id", "version")}
    if predicate["engagement"] != engagement:
        fail("the authorization record is of another engagement")


def listed(value):
    return value if isinstance(value, list) else []


def exceptions_of(run, receipt, record):
    words = []
    if run.engagement is not None and run.engagement["environment"] == "lab":
        words.append("lab")
    if run.document["draft"]:
        words.append("draft")
    if receipt.event in ("artifact-imported", "artifact-redacted"):
        words.append("import")
    if record is not None:
        facts = [gate["facts"] for gate in record["gates"]]
        used = [one for fact in facts for name in ("subjects", "granted") for one in listed(fact.get(name)) if isinstance(one, dict)]
        if any("bypass" in one for one in used):
            words.append("bypass")
        if any(gate["gate"] == "approval" and "breakGlass" in gate["facts"] for gate in record["gates"]):
            words.append("break-glass")
    return words


def check_receipt(run, receipt, layer):
    p, doc = receipt.predicate, run.document
    fail = lambda text, code="DIGEST_MISMATCH": layer.fail(code, text, receipt.where)
    for name in ("runbook", "engagement", "authorization"):
        if name in p and p[name] != doc[name]:
            fail(f"the receipt names another {name} than the run pins")
    record = None
    if receipt.step is not None:
        record = check_step(run, receipt, fail)
    elif receipt.event in CALLS:
        fail("the receipt and its gate record differ")
    if receipt.event in ("artifact-imported", "artifact-redacted"):
        check_artifacts(run, receipt, None, fail)
    if receipt.stream == f"run:{run.id}" or receipt.event == "artifact-redacted":
        step = run.step(receipt.step) if run.runbook is not None else None
        contract = run.contract_of(step, receipt.read_back) if step else None
        run.lifecycle.check_sealed(receipt, contract, fail, run.reading.identity)
    if p["exceptions"] != exceptions_of(run, receipt, record):
        fail("the receipt has other exceptions than follow")


def check_step(run, receipt, fail):
    p = receipt.predicate
    step = run.step(receipt.step)
    if receipt.step not in run.document["steps"]:
        fail("the run has no such step")
    if step is None:
        contract = None
    else:
        contract = run.contract_of(step, receipt.read_back)
        lost = contract is None and run.contracts.get(step["uses"]) is not None and "contract" in p
        if receipt.read_back is not None and lost:
            fail("the contract of the step declares no read-back")
    if not is_described(receipt) or receipt.event == "step-denied" and "invocation" not in p:
        return None
    if "contract" in p and p["contract"] not in run.document["contracts"]:
        fail("the run does not pin this contract")
    if contract is not None:
        check_contract(run, receipt, contract, fail)
    invocation = p.get("invocation")
    if invocation is None:
        return None
    if invocation["id"] != run.invocation_id(receipt.step, receipt.key, receipt.read_back):
        fail("the invocation id is not that of run and step")
    if invocation["outcome"] != OUTCOMES[receipt.event]:
        fail("the outcome is not that of the event", "BUNDLE_MALFORMED")
    check_exits(receipt, invocation, fail)
    check_artifacts(run, receipt, invocation, fail)
    return check_record(run, receipt, invocation, fail)


def check_contract(run, receipt, contract, fail):
    p, reference = receipt.predicate, reference_of(contract)
    named = {"id": contract["id"], "version": contract["version"], "digest": run.contract_digests[reference]}
    if "contract" in p and p["contract"] != named:
        fail("the contract is not the one that the step names")
    scope = p["verificationScope"]
    for name in ("attests", "doesNotAttest"):
        if name in scope and scope[name] != contract[name]:
            fail(f"`{name}` is not the contract's")
    external = contract["boundary"]["external"]
    if isinstance(external, dict):
        external = [text for row in sorted(external) for text in external[row]]
    if "boundary" in p and p["boundary"]["external"] != external:
        fail("the boundary is not the contract's")


def check_record(run, receipt, invocation, fail):
    """The gate record that the receipt carries."""
    p, reading = receipt.predicate, run.reading
    name, digest = receipt.subjects[0]
    prefix, _, last = name.rpartition("/")
    if last != "gate-record":
        fail("the first subject is no gate record", "REQUIRED_FIELD_MISSING")
        return None
    record = open_record(run, digest, fail)
    if record is None:
        attempts = invocation["attempts"]
        if attempts and (attempts[-1]["dispatchDigest"] != digest or invocation.get("dispatchDigest") != digest):
            fail("the attempt was dispatched under the gate record of another")
        for attempt in attempts:
            if attempt["dispatchDigest"] != digest:
                open_record(run, attempt["dispatchDigest"], fail)
        return None
    receipt.record = record
    if record["decision"] != DECISIONS[receipt.event]:
        fail("the gates decided what does not lead here")
    if record["actionDigest"] != digest_of(record["action"]):
        fail("the action digest is not that of the action document")
    approvals = [{name: one[name] for name in ("digest", "principal", "decision", "keyId")} for one in record["approvals"]]
    gates = [{name: one[name] for name in ("gate", "decision", "reason")} for one in record["gates"]]
    adapter = record["adapter"]
    same = record["action"]["invocation"] == invocation["id"] and record["actionDigest"] == invocation["actionDigest"]
    same = same and p.get("gates") == gates and p.get("approvals", []) == approvals
    same = same and invocation["adapter"] == {"id": adapter["id"], "version": adapter["version"]}
    same = same and invocation["isolation"] == adapter["isolation"] and invocation["egress"] == adapter["egress"]
    named = record["action"]
    for member in ("contract", "engagement", "run"):
        same = same and p.get(member) == named[member]
    same = same and (named["step"], named.get("forEachKey")) == (receipt.step, receipt.key)
    same = same and prefix == f"{invocation['id']}/{record['attempt']}"
    if not same or receipt.event == "step-paused" and receipt.detail.get("actionDigest") != record["actionDigest"]:
        fail("the receipt and its gate record differ")
    check_attempts(run, receipt, invocation, digest, fail)
    return record


def open_record(run, digest, fail):
    """A gate record that is there, whole and has its form; else None, and said so."""
    reading = run.reading
    record = reading.record(digest)
    if record is None:
        fail("a gate record is absent, changed or has no form", reading.record_fault(digest))
    return record


def check_exits(receipt, invocation, fail):
    """Whether the attempts and the outcome of an invocation fit together."""
    attempts, outcome = invocation["attempts"], invocation["outcome"]
    settled = "resolution" in receipt.detail or "readBack" in receipt.detail
    malformed = [attempt["n"] for attempt in attempts] != list(range(1, len(attempts) + 1))
    last = attempts[-1] if attempts else {}
    malformed |= outcome == "in-doubt" and last.get("exit") != "in-doubt"
    malformed |= outcome in ("executed", "failed") and last.get("exit") != outcome and not settled
    malformed |= outcome == "failed" and "errorClass" not in invocation and not settled
    malformed |= outcome not in ("failed", "in-doubt") and "errorClass" in invocation
    if attempts and not settled:
        malformed |= any(last.get(name) != invocation.get(name) for name in ("errorClass", "side"))
    if malformed:
        fail("attempts and outcome do not fit together", "BUNDLE_MALFORMED")


def check_artifacts(run, receipt, invocation, fail):
    """Every artifact is a subject at its id, once, and in the bundle."""
    artifacts, reading = receipt.predicate.get("artifacts", []), run.reading
    if len(dict(receipt.subjects)) != len(receipt.subjects) or len({one["id"] for one in artifacts}) != len(artifacts):
        fail("a subject or an artifact stands twice", "COMPLETENESS")
    named = {name: digest for name, digest in receipt.subjects if not name.endswith("/gate-record")}
    if named != {one["id"]: one["digest"] for one in artifacts}:
        fail("the artifacts are not the receipt's subjects")
    for one in artifacts:
        path = "artifacts/sha256/" + one["digest"][7:]
        if path not in reading.listed:
            if not run.lifecycle.may_be_absent(receipt, one):
                fail("an artifact is absent", "COMPLETENESS")
        elif reading.artifact(one["digest"]) is not None and len(reading.files[path]) != one["size"]:
            fail("an artifact has another size than the receipt says")
        if invocation is not None:
            places = [f"{invocation['id']}/{attempt['n']}/{one['name']}" for attempt in invocation["attempts"]]
            if one["id"] not in places:
                fail("an artifact is not at its id")


def check_attempts(run, receipt, invocation, digest, fail):
    attempts = invocation["attempts"]
    if receipt.event in ("step-executed", "step-failed", "step-in-doubt"):
        if not attempts or attempts[-1]["dispatchDigest"] != digest or invocation.get("dispatchDigest") != digest:
            fail("the attempt was dispatched under the gate record of another")
    if receipt.event == "step-dispatched" and receipt.detail.get("attempt") != receipt.record["attempt"]:
        fail("the attempt was dispatched under the gate record of another")
    for attempt in attempts:
        record = receipt.record if attempt["dispatchDigest"] == digest else open_record(run, attempt["dispatchDigest"], fail)
        if record is None:
            continue
        if record["action"]["invocation"] != invocation["id"] or record["attempt"] != attempt["n"]:
            fail(f"attempt {attempt['n']} was dispatched under a gate record of another call")
        if record["decision"] != "allow" or record["actionDigest"] != digest_of(record["action"]):
            fail(f"attempt {attempt['n']} was made although its gates did not allow it")
