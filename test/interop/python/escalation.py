"""The package of an escalation, collected again from the receipts before it (spec/receipt.md)."""

from canonical import canonical_bytes, same
from flow import OVER, PHASES


def check_escalation(decider, receipt, found):
    run, step = decider.run, decider.flow.steps[receipt.step]
    wrong = lambda text, code="DECISION_MISMATCH": decider.wrong(receipt, f"`{receipt.step}`: {text}", code)
    if receipt.event == "step-resolved":
        releases = receipt.detail.get("finding") in ("continue", "hand-over")
        if releases and step.on_failure == "escalate" and not found.escalated:
            wrong("it was released before it was escalated")
        return
    if receipt.event != "step-escalated":
        return
    if step.on_failure != "escalate":
        wrong("it was escalated, and its failure means something else")
    contract = run.contract_of(step.definition)
    to = (contract or {"failure": {}})["failure"].get("escalateTo", run.runbook["owner"])
    given = run.reading.documents["escalation"].get(receipt.detail.get("escalation"))
    if given is None:
        wrong("the package that the escalation names is absent", "COMPLETENESS")
        return
    if receipt.detail.get("to") != to or not same(given, package(run, receipt, to)):
        wrong("it was escalated to somebody else, or with another package, than follows from the run")


def package(run, receipt, to):
    name = lambda one: run.invocation_id(one.step, one.key, one.read_back)
    before = [one for one in run.receipts if one.step is not None and one.number < receipt.number]
    left = {}
    for one in before:
        if one.event in ("step-in-doubt", "step-paused"):
            left[name(one)] = one
        elif PHASES.get(one.event) in OVER or one.event == "step-resolved":
            left.pop(name(one), None)
    questions = [f"what is to be done about `{name(receipt)}`, which did not succeed?"]
    doubt = []
    for place, one in left.items():
        if one.event == "step-paused":
            questions.append(f"may `{place}` be done? It waits for an approval")
        else:
            questions.append(f"did `{place}` happen? Nobody knows")
            doubt.append({"invocation": place, "receipt": one.digest, "attempt": one.detail.get("attempt", 1)})
    return {
        "schema": "witnessops/escalation/v1", "run": run.id, "invocation": name(receipt), "to": to,
        "objective": receipt.predicate["intent"]["objective"],
        "observed": [entry for one in before for entry in observed(one, name(one))],
        "decided": [entry for one in before for entry in decided(one, name(one))],
        "openQuestions": questions, "doubt": doubt,
    }  # fmt: skip


def observed(one, place):
    if one.event not in ("step-executed", "step-failed"):
        return []
    p, invocation = one.predicate, one.predicate.get("invocation", {})
    entry = {"invocation": place, "receipt": one.digest, "outcome": one.event[5:]}
    if "contract" in p:
        entry["contract"] = f"{p['contract']['id']}@{p['contract']['version']}"
    for member in ("errorClass", "side"):
        if member in invocation:
            entry[member] = invocation[member]
    outputs = invocation.get("outputs")
    # The length is counted in UTF-16 code units.
    if outputs is not None and len(canonical_bytes(outputs).decode().encode("utf-16-le")) // 2 <= 4096:
        entry["outputs"] = outputs
    return [{**entry, "artifacts": [artifact["digest"] for artifact in p.get("artifacts", [])]}]


def decided(one, place):
    base = {"invocation": place, "receipt": one.digest}
    if one.event == "approval-recorded":
        words = {"approve": "approved", "reject": "rejected"}
        return [
            {**base, "what": words[each["decision"]], "by": each["principal"], "why": []}
            for each in one.predicate.get("approvals", [])
        ]
    if one.event == "step-resolved":
        by = one.predicate["actor"]["principal"]
        return [{**base, "what": f"resolved: {one.detail.get('finding')}", "by": by, "why": []}]
    if one.event != "step-denied":
        return []
    refused = [gate for gate in one.predicate.get("gates", []) if gate["decision"] != "allow"]
    why = [f"{gate['gate']}: {gate['reason']}" for gate in refused] or [one.detail.get("reason")]
    return [{**base, "what": "denied", "why": why}]
